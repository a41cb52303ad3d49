"""Beats of motion and of sound, and how they meet."""

import numpy as np
import pytest

from kdtalker_jax.metrics.beats import audio_beats, beat_align, motion_beats


def nodding(period, frames=250):
    """Keypoints that go to and fro, at rest every `period` frames: the first time after half of it."""
    return np.sin(np.pi * np.arange(frames) / period)[:, None, None] * np.ones((1, 4, 2))


def test_motion_beats_are_where_the_head_is_slowest():
    """The difference of frames i and i + 1 belongs to the time between them."""
    beats = motion_beats(nodding(25.0))
    np.testing.assert_allclose(beats[1:-1], np.arange(1, 9) + 0.5, atol=0.03)


def test_tremor_is_no_beat():
    """Smoothing with 5 frames removes what is faster than a head can nod."""
    random = np.random.default_rng(0)
    trembling = nodding(25.0) + 0.05 * random.standard_normal((250, 1, 1))
    assert len(motion_beats(trembling)) == pytest.approx(10, abs=2)


def test_beats_of_clicks():
    """Two clicks a second."""
    clicks = np.zeros(8 * 16_000, np.float32)
    for start in range(0, len(clicks), 8000):
        clicks[start : start + 400] = np.random.default_rng(start).uniform(-0.8, 0.8, 400)
    beats = audio_beats(clicks)
    assert len(beats) >= 8
    np.testing.assert_allclose(np.diff(beats), 0.5, atol=0.07)


def test_score_by_hand():
    """Distances 0.1 and 0.3 seconds; motion beats that no sound is near do not count."""
    score = beat_align(np.array([1.1, 2.3, 9.0]), np.array([1.0, 2.0]))
    assert score == pytest.approx((np.exp(-0.5) + np.exp(-4.5)) / 2)


@pytest.mark.parametrize(("motion", "audio"), [((), (1.0,)), ((1.0,), ()), ((), ())])
def test_no_beats_are_nan(motion, audio):
    assert np.isnan(beat_align(np.array(motion), np.array(audio)))


@pytest.mark.parametrize("frames", [0, 1, 2, 3])
def test_short_clips_have_no_motion_beats(frames):
    assert len(motion_beats(np.zeros((frames, 4, 2)))) == 0


def test_silence_has_no_beats():
    assert len(audio_beats(np.zeros(48_000, np.float32))) == 0
    assert len(audio_beats(np.zeros(640, np.float32))) == 0
