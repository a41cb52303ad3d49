"""Mel-frequency cepstral coefficients with the constants that SyncNet was trained on.

Those are the defaults of the package python_speech_features, which no longer is maintained; librosa has no liftering by
energy, pre-emphasis and truncated filters of this kind, so its numbers differ.
"""

import numpy as np
from scipy.fft import dct

from kdtalker_jax.media.rates import SAMPLE_RATE

COEFFICIENTS = 13
WINDOW, STEP = 400, 160  # samples: 25 ms, 10 ms
FILTERS = 26
FFT_SIZE = 512
PRE_EMPHASIS = 0.97
LIFTER = 22
FULL_SCALE = 32768  # of the 16-bit samples that the coefficients are defined on


def mfcc(waveform: np.ndarray) -> np.ndarray:
    """One column every 10 ms; the last windows are filled up with zeros.

    Args:
        waveform: (samples,) at 16 kHz, full scale +-1, at least one sample.

    Returns:
        float32 (columns, 13). The first coefficient is the logarithm of the window's energy.
    """
    samples = np.clip(np.rint(waveform.astype(np.float64) * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1)
    samples[1:] -= PRE_EMPHASIS * samples[:-1]
    columns = 1 + max(0, -(-(len(samples) - WINDOW) // STEP))
    samples = np.pad(samples, (0, max(0, (columns - 1) * STEP + WINDOW - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::STEP]  # (columns, 400), not tapered
    power = np.abs(np.fft.rfft(windows, FFT_SIZE)) ** 2 / FFT_SIZE  # (columns, 257)
    coefficients = dct(_log(power @ _mel_filters().T), norm="ortho")[:, :COEFFICIENTS]  # (columns, 13)
    coefficients *= 1 + LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / LIFTER)
    coefficients[:, 0] = _log(power.sum(axis=1))
    return coefficients.astype(np.float32)


def _mel_filters() -> np.ndarray:
    """Triangles between neighbouring points of the mel scale, rounded down to bins of the spectrum: (26, 257)."""
    mel = np.linspace(0, 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700), FILTERS + 2)
    hertz = 700 * (10 ** (mel / 2595) - 1)
    edges = np.floor((FFT_SIZE + 1) * hertz / SAMPLE_RATE)  # (28,)
    left, middle, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    bins = np.arange(FFT_SIZE // 2 + 1)
    return np.maximum(0, np.minimum((bins - left) / (middle - left), (right - bins) / (right - middle)))


def _log(x: np.ndarray) -> np.ndarray:
    return np.log(np.where(x == 0, np.finfo(np.float64).eps, x))
