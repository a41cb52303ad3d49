"""What training takes of clips: windows with their past, each clip's own pose, labels."""

import numpy as np
import pytest

from kdtalker_jax.data.statistics import clip_moments
from kdtalker_jax.emotions import ROWS
from kdtalker_jax.errors import InputError
from kdtalker_jax.motion_models.playmate.training.input import (
    Batches,
    LabelledClip,
    check_clips,
    label_weights,
    stack_windows,
    statistics_of,
    usable_clips,
)
from kdtalker_jax.training.batches import start_at
from tests.motion_models.playmate.training.tiny import FIRST
from tests.training.synthetic import make_clip


def test_clips_that_are_too_short_or_of_unknown_emotion_are_left_out(clips):
    """74 frames are a sample: ten before, and a window."""
    assert [clip.name for clip in usable_clips(clips, FIRST, labelled=False)] == [f"clip {i}" for i in range(1, 6)]
    labelled = usable_clips(clips, FIRST, labelled=True)
    assert [clip.name for clip in labelled] == [f"clip {i}" for i in range(2, 6)]
    assert labelled.left_out == 3


def test_data_without_labels_cannot_train_stage_2():
    plain = [make_clip("a", 90)]
    clips = usable_clips(plain, FIRST, labelled=False)
    assert len(clips) == 1
    assert not clips[0].is_labelled
    with pytest.raises(InputError, match="the 74 frames that a sample takes and its emotion is known"):
        check_clips(usable_clips(plain, FIRST, labelled=True), FIRST, "here", labelled=True)


def test_the_pose_is_normalised_by_the_whole_clip_and_the_expression_by_all(clips):
    kept = [LabelledClip.of(clip) for clip in clips]
    np.testing.assert_allclose(kept[3].pose_mean, kept[3].motion[:, :7].mean(axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(kept[3].pose_std, kept[3].motion[:, :7].std(axis=0), rtol=1e-3)
    statistics = statistics_of(kept)
    together = np.concatenate([clip.motion for clip in kept]).astype(np.float64)
    np.testing.assert_allclose(statistics.exp_mean, together[:, 7:].mean(axis=0), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(statistics.exp_std, together[:, 7:].std(axis=0), rtol=1e-4)
    np.testing.assert_allclose(statistics.pose_spread, np.median([clip.pose_std for clip in kept], axis=0), rtol=1e-6)


def test_a_head_that_is_held_still_has_the_least_deviations():
    clip = make_clip("still", 90)
    for name in ("scale", "yaw", "pitch", "roll", "t"):
        clip[name] = np.ones_like(clip[name])
    still = LabelledClip.of(clip)
    np.testing.assert_allclose(still.pose_std, [1e-4, 0.1, 0.1, 0.1, 1e-4, 1e-4, 1e-4])


def test_a_window_has_the_frames_before_it_and_the_first_head(clips):
    clip = LabelledClip.of(clips[4])
    windows = stack_windows([clip], [20], 74, np.int32([0]))
    np.testing.assert_array_equal(windows.motion[0], clip.motion[20:94])
    np.testing.assert_array_equal(windows.audio[0], clip.audio[20:94])
    np.testing.assert_array_equal(windows.canonical[0], clips[4]["kp"][0])
    assert {start_at(len(clip.motion), fraction, 74) for fraction in np.linspace(0, 0.9999, 500)} == set(
        range(140 - 74 + 1)
    )


def test_a_batch_is_known_by_its_number_on_any_number_of_processes(clips):
    kept = usable_clips(clips, FIRST, labelled=False)
    whole = next(Batches(kept, FIRST))
    halves = [next(Batches(kept, FIRST, process=process, processes=2)) for process in range(2)]
    assert len(whole.sources) == 4
    for i, half in enumerate(halves):
        assert half.sources == whole.sources[i::2]
        np.testing.assert_array_equal(half.windows.motion, whole.windows.motion[i::2])
        np.testing.assert_array_equal(half.windows.position, [i, i + 2])


def test_labels_become_rows():
    happy, neutral, none = (ROWS.index(name) for name in ("happy", "neutral", "none"))
    weights = label_weights("a", np.int8([5, -1, 5]), np.float32([1, 1, 0.25]), 3)
    np.testing.assert_array_equal(weights.argmax(axis=1), [happy, none, neutral])
    np.testing.assert_allclose(weights[2, [happy, neutral]], [0.25, 0.75])
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_array_equal(label_weights("a", np.int8(5), 1.0, 2)[:, happy], [1, 1])


@pytest.mark.parametrize(
    ("emotion", "intensity", "message"),
    [
        (np.int8([8]), 1.0, "labels are from -1 to 7"),
        (np.int8([-2]), 1.0, "labels are from -1 to 7"),
        (np.int8([1, 2]), 1.0, "has 2 labels of emotions for 3 frames"),
        (np.float32([1]), 1.0, "labels of emotions"),
        (np.int8([1]), np.nan, "intensities"),
        (np.int8([1]), 1.5, "intensities"),
    ],
)
def test_labels_that_are_none_name_the_clip(emotion, intensity, message):
    with pytest.raises(InputError, match=f"clip film 3 has .*{message}|{message}"):
        label_weights("film 3", emotion, intensity, 3)


def test_labels_are_no_quantities_of_a_data_set(clips):
    moments = clip_moments({**clips[0], "frames": len(clips[0]["yaw"])})
    assert "yaw" in moments
    assert "emotion" not in moments
