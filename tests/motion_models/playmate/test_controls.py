"""What can be asked for is checked at once, and told to windows by their number."""

import numpy as np
import pytest

from kdtalker_jax.emotions import ROWS
from kdtalker_jax.errors import InputError
from kdtalker_jax.motion_models.playmate.config import TransformerConfig
from kdtalker_jax.motion_models.playmate.controls import Controls, told
from tests.motion_models.playmate.heads import swing

SIZES = TransformerConfig()

WRONG = {
    "an emotion that there is not": ({"emotion": "hapy"}, "did you mean 'happy'"),
    "two ways": ({"emotion": "sad", "emotions": "0 sad"}, "give one of them"),
    "a strength of nothing": ({"emotion_strength": 0.5}, "name one"),
    "guidance to nothing": ({"emotion_guidance": 2}, "`emotion_guidance` is that of an `emotion`: name one"),
    "axes of nothing": ({"pose_axes": "yaw"}, "`pose_axes` are those of a `pose`: give one"),
    "too strong": ({"emotion": "sad", "emotion_strength": 1.1}, "from 0 to 1"),
    "no number": ({"emotion": "sad", "emotion_strength": "strong"}, "from 0 to 1"),
    "guidance": ({"audio_guidance": -1}, "`audio_guidance` must be a number from 0 to 10"),
    "emotion guidance": ({"emotion_guidance": float("nan")}, "`emotion_guidance` must be"),
    "amplitude": ({"pose_amplitude": 6}, "`pose_amplitude` must be"),
    "pose": ({"pose": np.zeros((3, 7))}, "`pose` must be a motion"),
    "axes": ({"pose_axes": "jaw"}, "A pose has no 'jaw': did you mean 'yaw'"),
    "no axes": ({"pose_axes": ()}, "name some"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_values_that_cannot_be_are_refused_at_once(arguments, message):
    with pytest.raises(InputError, match=message):
        Controls(**arguments)


def test_a_window_is_told_what_is_felt_in_it_and_before():
    controls = Controls(emotions="0 neutral, 2.56 angry 0.5", emotion_guidance=2, emotion_strength=0.5)
    first, second = (told(controls, index, SIZES).felt for index in (0, np.int32(1)))
    assert first.weights.shape == (74, 9)
    assert first.guidance.shape == (64,)
    np.testing.assert_allclose(first.guidance, 1)
    angry = ROWS.index("angry")
    assert (first.weights[:, angry] == 0).all()
    assert (second.weights[:10, angry] == 0).all(), "the frames before are those of the window before"
    np.testing.assert_allclose(second.weights[-40:, angry], 1)
    np.testing.assert_allclose(second.guidance[-40:], 0.5)


def test_what_is_not_asked_for_is_no_part_of_the_program():
    asked = told(Controls(), 3, SIZES)
    assert asked.felt is None
    assert asked.held is None
    assert asked.audio_guidance.dtype == np.float32


def test_a_pose_is_normalised_by_all_of_it():
    pose = swing(300)
    held = told(Controls(pose=pose, pose_axes="yaw,t"), 1, SIZES).held
    np.testing.assert_allclose(held.pose[:, 1], pose.yaw[64:128])
    np.testing.assert_allclose(held.normalised[:, 1], (pose.yaw[64:128] - pose.yaw.mean()) / pose.yaw.std(), rtol=1e-4)
    assert held.mask.tolist() == [False, True, False, False, True, True, True]
    assert np.abs(held.normalised[:, 3]).max() < 1e-3, "a roll that never changes is divided by no zero"
