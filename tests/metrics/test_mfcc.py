"""Coefficients of speech; their exact values on a recording are compared in tests/parity/test_syncnet.py."""

import numpy as np
import pytest

from kdtalker_jax.metrics.mfcc import COEFFICIENTS, mfcc


@pytest.mark.parametrize(
    ("samples", "columns"), [(1, 1), (400, 1), (401, 2), (560, 2), (561, 3), (16_000, 99), (16_080, 99)]
)
def test_the_last_window_is_filled_up(samples, columns):
    assert mfcc(np.ones(samples, np.float32)).shape == (columns, COEFFICIENTS)


def test_silence_is_finite():
    """The logarithm of no energy at all is that of the smallest number."""
    silent = mfcc(np.zeros(800, np.float32))
    assert np.isfinite(silent).all()
    np.testing.assert_allclose(silent[:, 0], np.log(np.finfo(np.float64).eps), rtol=1e-6)


def test_the_first_coefficient_is_the_energy_of_16_bit_samples():
    """An impulse of full scale behind the first sample: pre-emphasis adds 0.97 of it with the other sign."""
    impulse = np.zeros(400, np.float32)
    impulse[100] = -1.0
    spectrum = np.fft.rfft(-32768 * (np.arange(512) == 100) + 0.97 * 32768 * (np.arange(512) == 101))
    expected = np.log((np.abs(spectrum) ** 2).sum() / 512)
    assert mfcc(impulse)[0, 0] == pytest.approx(expected, rel=1e-5)


def test_louder_sound_has_the_same_timbre():
    """All coefficients but the energy describe the shape of the spectrum."""
    tone = 0.4 * np.sin(np.arange(4000) * 0.3).astype(np.float32) + 0.1 * np.sin(np.arange(4000)).astype(np.float32)
    loud, soft = mfcc(tone), mfcc(tone / 4)
    np.testing.assert_allclose(loud[:-3, 0] - soft[:-3, 0], np.log(16), atol=1e-3)
    np.testing.assert_allclose(loud[:-3, 1:], soft[:-3, 1:], atol=0.5)


def test_the_waveform_is_left_as_it_was():
    waveform = np.linspace(-1, 1, 500, dtype=np.float32)
    before = waveform.copy()
    mfcc(waveform)
    np.testing.assert_array_equal(waveform, before)
