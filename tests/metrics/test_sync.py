"""The search of the offset by hand, and which frames and columns SyncNet sees; recorded numbers in tests/parity."""

import cv2
import numpy as np
import pytest

from configs import SMALL
from kdtalker_jax.metrics.mfcc import mfcc
from kdtalker_jax.metrics.sync import MAX_OFFSET, SyncJudge, mean_distances, score
from kdtalker_jax.nn.folding import fold
from kdtalker_jax.random_parts import random_variables


@pytest.fixture(scope="module")
def judge():
    return SyncJudge(SMALL, fold(random_variables("syncnet", SMALL)), batch_size=2)


@pytest.fixture(scope="module")
def frames():
    return list(np.random.default_rng(0).integers(0, 256, (9, 40, 30, 3), np.uint8))


@pytest.fixture(scope="module")
def waveform():
    return np.random.default_rng(1).uniform(-0.5, 0.5, 9 * 640).astype(np.float32)


@pytest.mark.parametrize("ahead", [-15, -4, 0, 3, 15])
def test_the_offset_says_how_far_the_sound_is_ahead(ahead):
    """Speech whose features come `ahead` windows before those of the lips."""
    features = np.random.default_rng(2).standard_normal((80, 16)).astype(np.float32)
    lips, speech = features[20:60], features[20 + ahead : 60 + ahead]
    result = score(lips, speech)
    assert result.offset == ahead
    assert result.confidence > 1


def test_distances_by_hand():
    """One window: at offset 0 it meets its own speech, elsewhere the zeros beyond the end; 1e-6 is added."""
    lips, speech = np.array([[3.0, 4.0]]), np.array([[3.0, 3.0]])
    distances = mean_distances(lips, speech)
    assert distances.shape == (2 * MAX_OFFSET + 1,)
    assert distances[MAX_OFFSET] == pytest.approx(np.hypot(1e-6, 1 + 1e-6))
    np.testing.assert_allclose(np.delete(distances, MAX_OFFSET), np.hypot(3 + 1e-6, 4 + 1e-6))
    distance, confidence, offset = score(lips, speech)
    assert (distance, offset) == (pytest.approx(1 + 1e-6), 0)
    assert confidence == pytest.approx(4)


def test_windows_of_lips(judge, frames):
    """Window i is frames i to i + 4, BGR, stretched to the network's size."""
    lips = judge.embed_lips(iter(frames), 3)
    window = np.stack([cv2.resize(frame, (224, 224))[..., ::-1] for frame in frames[2:7]])
    np.testing.assert_allclose(lips[2], judge.embed("embed_lips", [window])[0], rtol=1e-4, atol=1e-4)
    assert lips.shape == (3, SMALL.syncnet.features)


def test_windows_of_speech(judge, waveform):
    """Window i is columns 4 i to 4 i + 19: the 200 ms from the beginning of frame i."""
    columns = mfcc(waveform)
    speech = judge.embed_speech(columns, 4)
    np.testing.assert_allclose(speech[3], judge.embed("embed_audio", [columns[12:32]])[0], rtol=1e-4, atol=1e-4)


def test_the_shorter_of_pictures_and_sound_counts(judge, frames, waveform):
    """Five windows fewer than frames, as published; the last possible one is not used."""
    cut = score(judge.embed_lips(frames, 2), judge.embed_speech(mfcc(waveform[: 7 * 640]), 2))
    np.testing.assert_allclose(judge.score(frames, len(frames), waveform[: 7 * 640]), cut)
    whole = judge.score(frames, len(frames), waveform)
    assert not np.allclose(whole, cut)


@pytest.mark.parametrize(("count", "sounding"), [(5, 9), (9, 5), (1, 1)])
def test_too_short_is_nan(judge, frames, waveform, count, sounding):
    assert np.isnan(judge.score(frames[:count], count, waveform[: sounding * 640])).all()
