"""Rows at 25 a second fall where the conventions put them, and each is kept once however long the recording."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdtalker_jax.features.wav2vec2.config import Wav2Vec2Config
from kdtalker_jax.features.wav2vec2.frames import (
    LONGEST,
    OVERLAP,
    chunks,
    num_conv_frames,
    per_row,
    positions,
    receptive_field,
)

BASE = Wav2Vec2Config()


@pytest.mark.parametrize(("samples", "frames"), [(399, 0), (400, 1), (719, 1), (720, 2), (16_000, 49), (53_920, 168)])
def test_frames_of_the_published_convolutions(samples, frames):
    assert num_conv_frames(BASE, samples) == frames


def test_a_frame_sees_25_ms_and_comes_every_20():
    assert receptive_field(BASE) == 400
    assert per_row(BASE) == 2


@settings(deadline=None)
@given(st.integers(1, 20 * LONGEST))
def test_chunks_keep_each_row_once_with_its_surroundings(rows):
    found = chunks(rows)
    assert [row for chunk in found for row in range(chunk.first, chunk.last)] == list(range(rows))
    for chunk in found:
        assert chunk.stop - chunk.start == min(rows, LONGEST)
        assert 0 <= chunk.start <= chunk.first < chunk.last <= chunk.stop <= rows
        assert chunk.first == 0 or chunk.first - chunk.start >= OVERLAP
        assert chunk.last == rows or chunk.stop - chunk.last >= OVERLAP


def test_corners_lie_on_corners():
    places = positions(np.arange(84), 2, True, (84, 168))
    assert places[0] == 0
    assert places[-1] == pytest.approx(167)
    assert positions(np.arange(1), 2, True, (1, 3)).tolist() == [0]


def test_half_pixels_lie_in_the_middle():
    assert positions(np.arange(3), 2, False, (3, 6)).tolist() == [0.5, 2.5, 4.5]
    assert positions(np.arange(2), 2, False, (2, 1)).tolist() == [0, 0.25]


@pytest.mark.parametrize("aligned", [True, False])
def test_a_stream_is_as_a_recording_without_end(aligned):
    rows, many = np.arange(100), 10**9
    endless = positions(rows, 2, aligned, None)
    np.testing.assert_allclose(endless, positions(rows, 2, aligned, (many, 2 * many - 1)), atol=1e-6)
