"""Statistics kept in a few numbers are those of the whole recording."""

import numpy as np
import pytest

from kdtalker_jax.features.wav2vec2.config import Wav2Vec2Config
from kdtalker_jax.features.wav2vec2.statistics import Statistics

CONFIG = Wav2Vec2Config()
RANDOM = np.random.default_rng(3)
KERNEL = RANDOM.standard_normal((10, 1, 6)).astype(np.float32)


def recording(offset=0.0, samples=20_003):
    """Low tones, so that neighbouring samples are nearly the same, off centre."""
    time = np.arange(samples) / 16_000
    sound = 0.3 * np.sin(2 * np.pi * 110 * time) + 1e-3 * RANDOM.standard_normal(samples) + offset
    return sound.astype(np.float32)


def directly(waveform, kernel):
    """Mean and variance of the first convolution of the normalised waveform, by computing all of it."""
    x = waveform.astype(np.float64)
    x = (x - x.mean()) / np.sqrt(x.var() + 1e-7)
    conv = np.lib.stride_tricks.sliding_window_view(x, 10)[::5] @ kernel[:, 0].astype(np.float64)
    return np.stack([conv.mean(axis=0), conv.var(axis=0)])


def of_pieces(waveform, size):
    statistics = Statistics(CONFIG)
    for start in range(0, len(waveform), size):
        statistics.push(waveform[start : start + size])
    return statistics


@pytest.mark.parametrize("offset", [0.0, 0.05, 30.0])
@pytest.mark.parametrize("size", [20_003, 7, 640])
def test_they_are_those_of_the_whole(offset, size):
    waveform = recording(offset)
    statistics = of_pieces(waveform, size)
    mean, deviation = statistics.level
    assert mean == pytest.approx(waveform.mean(dtype=np.float64), abs=1e-9)
    assert deviation == pytest.approx(np.sqrt(waveform.var(dtype=np.float64) + 1e-7), rel=1e-9)
    means, variances = statistics.of_conv(KERNEL, None)
    expected = directly(waveform, KERNEL)
    np.testing.assert_allclose(means, expected[0], atol=1e-6)
    np.testing.assert_allclose(variances, expected[1], rtol=1e-6)


def test_a_bias_moves_the_mean_alone():
    statistics, bias = of_pieces(recording(), 640), np.arange(6, dtype=np.float32)
    without, with_bias = statistics.of_conv(KERNEL, None), statistics.of_conv(KERNEL, bias)
    np.testing.assert_allclose(with_bias - without, [bias, np.zeros(6)], atol=1e-6)


def test_silence_is_no_division_by_zero():
    statistics = of_pieces(np.zeros(1000, np.float32), 640)
    assert statistics.level == (0.0, pytest.approx(np.sqrt(1e-7)))
    np.testing.assert_array_equal(statistics.of_conv(KERNEL, None), 0)


def test_what_is_not_normalised_stays_as_it_is():
    statistics = Statistics(Wav2Vec2Config(normalise=False))
    statistics.push(recording(0.2))
    assert statistics.level == (0.0, 1.0)
    conv = np.lib.stride_tricks.sliding_window_view(recording(0.2), 10)[::5] @ KERNEL[:, 0]
    np.testing.assert_allclose(statistics.of_conv(KERNEL, None)[0], conv.mean(axis=0), atol=2e-3)
