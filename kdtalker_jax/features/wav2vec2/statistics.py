"""What normalisations see of a recording: exact for any length in the memory of a few numbers.

The group norm after the first convolution takes mean and variance of each channel over the whole recording. With w a
kernel and z the samples under it these are w m and w C w, where m and C are mean and covariance of z.
"""

import numpy as np

from kdtalker_jax.features.wav2vec2.config import Wav2Vec2Config

_EPSILON = 1e-7  # of the waveform's variance


class Statistics:
    """Of all samples so far, in float64. Where pieces end changes nothing but the last bits."""

    def __init__(self, config: Wav2Vec2Config) -> None:
        self._kernel, self._stride = config.conv_kernels[0], config.conv_strides[0]
        self._normalise = config.normalise
        self._rest = np.zeros(0)  # samples under kernels to come, less the origin
        self._origin: float | None = None  # near the mean, so that squares cancel little
        self._samples, self._sums = 0, np.zeros(2)
        self._windows, self._sum = 0, np.zeros(self._kernel)
        self._products = np.zeros((self._kernel, self._kernel))

    def push(self, samples: np.ndarray) -> None:
        """The next samples (n,)."""
        if not len(samples):
            return
        if self._origin is None:
            self._origin = float(samples.mean(dtype=np.float64))
        samples = samples - np.float64(self._origin)
        self._samples += len(samples)
        self._sums += samples.sum(), samples @ samples
        self._rest = np.concatenate([self._rest, samples])
        if len(self._rest) < self._kernel:
            return
        windows = np.lib.stride_tricks.sliding_window_view(self._rest, self._kernel)[:: self._stride]  # (n, k)
        self._windows += len(windows)
        self._sum += windows.sum(axis=0)
        self._products += windows.T @ windows
        self._rest = self._rest[len(windows) * self._stride :]

    @property
    def level(self) -> tuple[float, float]:
        """Mean and deviation that the waveform is normalised by."""
        if not self._normalise:
            return 0.0, 1.0
        mean, square = self._sums / self._samples
        return self._origin + mean, float(np.sqrt(max(square - mean**2, 0.0) + _EPSILON))

    def of_conv(self, kernel: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
        """Mean and variance over time of the first convolution (k, 1, C) of the normalised waveform: float32 (2, C)."""
        mean, deviation = self.level
        taps = kernel[:, 0].astype(np.float64)  # (k, C)
        window = self._sum / self._windows
        covariance = self._products / self._windows - np.outer(window, window)
        means = (window + self._origin - mean) / deviation @ taps
        variances = np.maximum((taps * (covariance @ taps)).sum(axis=0), 0) / deviation**2
        return np.float32([means if bias is None else means + bias, variances])
