"""Mel windows: what the audio encoder sees of a recording, 16 columns of 80 bands for each video frame.

The definitions are Wav2Lip's, which KDTalker's published audio encoder was trained with (KDTalker, section 3.2).
"""

import functools
from collections.abc import Iterator

import librosa
import numpy as np

from kdtalker_jax.errors import InputError
from kdtalker_jax.media.audio import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME, num_frames

BANDS = 80
WINDOW = 16  # columns that one video frame sees: 200 ms

_FFT = 800  # samples under one Hann window
_HOP = 200
_COLUMNS_PER_SECOND = SAMPLE_RATE // _HOP
_PRE_EMPHASIS = 0.97
_BLOCK = 1024  # columns computed at a time


def mel_spectrogram(waveform: np.ndarray) -> np.ndarray:
    """Normalised log-mel spectrogram of the whole frames of a recording.

    Pre-emphasis y[n] = x[n] - 0.97 x[n - 1]; magnitude of the centred, zero-padded STFT; 80 Slaney bands, 55..7600 Hz;
    S = 20 log10(max(1e-5, mel)) - 20; clip(8 (S + 100) / 100 - 4, -4, 4). Computed block by block in float64, as the
    published features were: the memory needed beyond the result does not grow with the recording.

    Args:
        waveform: float, 16 kHz, shape (samples,). Samples after the last whole video frame are ignored.

    Returns:
        float32 of shape (columns, 80), 80 columns a second.

    Raises:
        InputError: the waveform is shorter than one video frame.
    """
    length = num_frames(len(waveform)) * SAMPLES_PER_FRAME
    if length == 0:
        raise InputError("The waveform is shorter than one video frame (40 ms, 640 samples at 16 kHz).")
    columns = 1 + length // _HOP
    blocks = [
        _log_mel(_slice(waveform[:length], start, min(start + _BLOCK, columns))) for start in range(0, columns, _BLOCK)
    ]
    return np.concatenate(blocks)  # (columns, 80)


def mel_windows(mel: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Windows of the video frames `start` .. `stop` - 1.

    Frame i sees 16 columns from int(80 (i - 2) / 25), rounded toward zero, indices clamped to the recording. Frames
    beyond its end are allowed and repeat the last column.

    Args:
        mel: (columns, 80), from `mel_spectrogram`.

    Returns:
        float32 of shape (stop - start, 80, 16).
    """
    first = np.trunc(_COLUMNS_PER_SECOND * (np.arange(start, stop) - 2) / FRAME_RATE).astype(int)  # (n,)
    columns = np.clip(first[:, None] + np.arange(WINDOW), 0, len(mel) - 1)  # (n, 16)
    return mel[columns].transpose(0, 2, 1)  # (n, 80, 16)


def window_batches(mel: np.ndarray, frames: int, size: int) -> Iterator[np.ndarray]:
    """The windows of frames 0 .. `frames` - 1 in batches of one shape, (size, 80, 16).

    The last batch runs past the end of the recording to keep that shape: cut the results to `frames`.
    """
    for start in range(0, frames, size):
        yield mel_windows(mel, start, start + size)  # (size, 80, 16)


def _slice(waveform: np.ndarray, start: int, stop: int) -> np.ndarray:
    """The pre-emphasised samples under columns `start` .. `stop` - 1, zeros where these reach past the recording."""
    first, last = start * _HOP - _FFT // 2, (stop - 1) * _HOP + _FFT // 2
    before, after = max(-first, 0), max(last - len(waveform), 0)
    piece = waveform[max(first - 1, 0) : last].astype(np.float64)  # with one sample of history, if there is one
    emphasised = piece[1:] - _PRE_EMPHASIS * piece[:-1]
    if first <= 0:
        emphasised = np.concatenate([piece[:1], emphasised])
    return np.pad(emphasised, (before, after))  # ((stop - start - 1) * 200 + 800,)


def _log_mel(samples: np.ndarray) -> np.ndarray:
    """Columns of shape (n, 80), one for each full window in `samples`."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FFT)[::_HOP]  # (n, 800)
    magnitude = np.abs(np.fft.rfft(frames * _hann()))  # (n, 401)
    decibels = 20 * np.log10(np.maximum(1e-5, magnitude @ _filterbank())) - 20  # (n, 80)
    return np.clip(8 * (decibels + 100) / 100 - 4, -4, 4).astype(np.float32)


@functools.cache
def _hann() -> np.ndarray:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)  # (800,), periodic


@functools.cache
def _filterbank() -> np.ndarray:
    """(401, 80); the rest of librosa is avoided because its first call compiles for many seconds."""
    return librosa.filters.mel(sr=SAMPLE_RATE, n_fft=_FFT, n_mels=BANDS, fmin=55, fmax=7600).T.astype(np.float64)
