"""Feelings: eight of them, told apart by the face, that come and go and leave speech alone."""

import numpy as np
import pytest

from kdtalker_jax.synthetic.feelings import EMOTIONS, UNKNOWN, feel, random_feelings
from kdtalker_jax.synthetic.performance import random_performance, random_states
from kdtalker_jax.synthetic.state import Expression, FaceState, FeelingState, expression_of, neutral_state

FRAMES = 100


def _felt(seed: int):
    rng = np.random.default_rng(seed)
    return feel(rng, random_performance(rng, FRAMES).states)


def test_the_eight_emotions_are_those_that_motion_models_are_asked_for():
    assert EMOTIONS == ("neutral", "angry", "contempt", "disgusted", "fear", "happy", "sad", "surprised")


@pytest.mark.parametrize("seed", range(4))
def test_states_stay_within_their_limits_and_keep_head_and_gaze(seed):
    rng = np.random.default_rng(seed)
    states = random_performance(rng, FRAMES).states
    felt = feel(rng, states)
    assert isinstance(felt.states, FeelingState)
    assert all(field.dtype == np.float32 and field.shape == (FRAMES,) for field in felt.states)
    for name in ("yaw", "pitch", "roll", "x", "y", "size", "gaze_x", "gaze_y", "brows", "lip_rounding"):
        np.testing.assert_array_equal(getattr(felt.states, name), getattr(states, name))
    for field in Expression._fields:
        low = -1 if field.startswith(("corner", "inner", "outer")) else 0
        assert low <= getattr(felt.states, field).min() and getattr(felt.states, field).max() <= 1
    assert felt.emotion.dtype == np.int8 and felt.intensity.dtype == np.float32
    assert felt.intensity.min() >= 0 and felt.intensity.max() <= 1
    np.testing.assert_array_equal(felt.intensity[felt.emotion == 0], 0)


def test_a_feeling_is_as_strong_as_its_intensity_says():
    neutral = neutral_state(400)
    felt = random_feelings(np.random.default_rng(0), FaceState(*neutral))
    happy = felt.emotion == EMOTIONS.index("happy")
    assert np.corrcoef(felt.intensity[happy], felt.states.corner_left[happy])[0, 1] > 0.7


def test_feelings_differ_from_each_other():
    """The nearest mean tells them, where they are strong: else nobody could learn them."""
    felt = random_feelings(np.random.default_rng(1), FaceState(*neutral_state(4000)))
    faces = np.stack(felt.states, axis=1)
    strong = (felt.emotion > 0) & (felt.intensity > 0.6)
    faces, emotion = faces[strong], felt.emotion[strong]
    faces[:, -9:-7] = np.sort(faces[:, -9:-7], axis=1)  # contempt is of either side
    means = np.stack([faces[emotion == e].mean(0) for e in range(1, 8)])
    nearest = 1 + np.argmin(((faces[:, None] - means) ** 2).sum(-1), axis=1)
    assert (nearest == emotion).mean() > 0.97


def test_they_come_and_go_within_a_performance():
    changes = [np.count_nonzero(np.diff(_felt(seed).emotion)) for seed in range(20)]
    assert min(changes) == 0 and max(changes) >= 2
    for seed in range(20):
        assert np.abs(np.diff(_felt(seed).intensity)).max() < 0.35  # nothing jumps


def test_lips_still_meet_to_speak_and_open_mouths_are_not_pressed():
    for seed in range(6):
        rng = np.random.default_rng(seed)
        states = random_performance(rng, FRAMES).states
        felt = feel(rng, states)
        shut = states.jaw < 0.005
        brief = shut & ~(np.convolve(shut, np.ones(9), "same") > 5)
        assert np.all(felt.states.jaw[brief] < 0.1)
        assert np.all(felt.states.press[felt.states.jaw > 0.3] == 0)


def test_half_of_unrelated_states_have_no_name_and_use_what_no_feeling_does():
    felt = random_feelings(np.random.default_rng(2), random_states(np.random.default_rng(3), 1000))
    nameless = felt.emotion == UNKNOWN
    assert 0.4 < nameless.mean() < 0.6
    assert (felt.states.corner_left[nameless] < -0.9).any()


def test_expression_of_a_plain_state_is_none():
    assert expression_of(neutral_state()) is None
    felt = _felt(0).states
    np.testing.assert_array_equal(expression_of(felt).press, felt.press)
