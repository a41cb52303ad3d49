"""Whether the mouth opens with the sound."""

import numpy as np
import pytest

from kdtalker_jax.metrics.mouth import MAX_OFFSET, loudness, mouth_opening, mouth_sync

SPEECH = np.convolve(np.random.default_rng(0).uniform(0, 1, 130), np.ones(4) / 4, "same")


def face(opening, scale=1.0, angle=0.0):
    """68 landmarks of which only lips and eyes matter: eyes 100 apart."""
    points = np.zeros((68, 2))
    points[[36, 45]] = (-50, -60), (50, -60)
    points[[61, 62, 63]] = (-10, 40), (0, 40), (10, 40)
    points[[67, 66, 65]] = points[[61, 62, 63]] + (0, opening)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return scale * points @ turn.T + (7, 8)


@pytest.mark.parametrize(("scale", "angle"), [(1, 0), (3, 0), (0.5, 1.2)])
def test_opening_depends_neither_on_size_nor_on_tilt(scale, angle):
    openings = mouth_opening(np.stack([face(0, scale, angle), face(20, scale, angle)]))
    np.testing.assert_allclose(openings, [0, 0.2], atol=1e-12)


def test_no_face_no_opening():
    assert np.isnan(mouth_opening(np.full((1, 68, 2), np.nan))).all()
    assert np.isnan(mouth_opening(np.zeros((1, 68, 2)))).all()


def test_loudness_in_decibel():
    """A sine of full scale has -3 dB; what is left of a frame is dropped; silence is finite."""
    sine = np.sin(np.arange(640) * 2 * np.pi / 64).astype(np.float32)
    loud = loudness(np.concatenate([sine, 0.1 * sine, 0 * sine, sine[:639]]))
    np.testing.assert_allclose(loud, [-3.0103, -23.0103, -100], atol=1e-3)


@pytest.mark.parametrize("ahead", [-15, -2, 0, 5, 15])
def test_the_offset_says_how_far_the_sound_is_ahead(ahead):
    result = mouth_sync(SPEECH[15:115], 3 + 2 * SPEECH[15 + ahead : 115 + ahead])
    assert result.offset == ahead
    assert result.correlation == pytest.approx(1)


def test_frames_without_a_face_are_bridged():
    """Dropping them would shift all that follows."""
    opening = SPEECH[:100].copy()
    opening[[0, 30, 31, 60, 99]] = np.nan
    result = mouth_sync(opening, SPEECH)
    assert result.offset == 0
    assert 0.9 < result.correlation < 1


@pytest.mark.parametrize(
    ("opening", "loud"),
    [
        (SPEECH[: 2 * MAX_OFFSET - 1], SPEECH),
        (np.where(np.arange(130) < 70, np.nan, SPEECH), SPEECH),
        (np.full(130, 0.1), SPEECH),
        (SPEECH, np.full(130, -100.0)),
        (np.full(130, np.nan), SPEECH),
        (np.zeros(0), np.zeros(0)),
    ],
    ids=["short", "mostly no face", "still mouth", "silence", "no face", "nothing"],
)
def test_nothing_to_correlate_is_nan(opening, loud):
    assert np.isnan(mouth_sync(opening, loud)).all()
