"""Mel windows: what the audio encoder sees of a recording, 16 columns of 80 bands for each video frame.

The definitions are Wav2Lip's, which KDTalker's published audio encoder was trained with (KDTalker, section 3.2).
"""

import functools
from collections.abc import Iterator

import numpy as np

from kdtalker_jax.errors import InputError
from kdtalker_jax.media.rates import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME, num_frames

BANDS = 80
WINDOW = 16  # columns that one video frame sees: 200 ms

_FFT = 800  # samples under one Hann window
_HOP = 200
_COLUMNS_PER_SECOND = SAMPLE_RATE // _HOP
_PRE_EMPHASIS = 0.97
_RANGE = (55.0, 7600.0)  # Hz
_KNEE, _HERTZ_PER_MEL, _LOG_STEP = 1000.0, 200.0 / 3, np.log(6.4) / 27.0  # of Slaney's scale
_BLOCK = 1024  # columns computed at a time
_HISTORY = 3  # hops before a column's centre that it sees: half a window and the sample before that


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
    if num_frames(len(waveform)) == 0:
        raise InputError("The waveform is shorter than one video frame (40 ms, 640 samples at 16 kHz).")
    stream, size = MelStream(), _BLOCK * _HOP
    pieces = [stream.push(waveform[start : start + size]) for start in range(0, len(waveform), size)]
    return np.concatenate([*pieces, stream.finish()])  # (columns, 80)


class MelStream:
    """`mel_spectrogram` of a waveform that comes in pieces: each column as soon as later samples cannot change it."""

    def __init__(self) -> None:
        self.frames = 0  # whole video frames so far
        self._samples = np.zeros(0, np.float32)  # those that columns to come will see
        self._gone = 0  # columns' worth of samples before them
        self._columns = 0  # given so far

    def push(self, samples: np.ndarray) -> np.ndarray:
        """The next samples (n,) -> the columns (m, 80) that they complete."""
        self._samples = np.concatenate([self._samples, samples])
        self.frames = num_frames(self._gone * _HOP + len(self._samples))
        # What follows the last whole frame may turn out to be the end, and is then left out.
        return self._until((self.frames * SAMPLES_PER_FRAME - _FFT // 2) // _HOP + 1)

    def finish(self) -> np.ndarray:
        """The last columns (m, 80), which see the silence after the recording."""
        return self._until(self.frames * SAMPLES_PER_FRAME // _HOP + 1)

    def _until(self, stop: int) -> np.ndarray:
        whole = self._samples[: self.frames * SAMPLES_PER_FRAME - self._gone * _HOP]
        starts = range(self._columns, stop, _BLOCK)
        blocks = [
            _log_mel(_slice(whole, start - self._gone, min(start + _BLOCK, stop) - self._gone)) for start in starts
        ]
        self._columns = max(self._columns, stop)
        done = max(self._columns - _HISTORY - self._gone, 0)
        self._samples, self._gone = self._samples[done * _HOP :], self._gone + done
        return np.concatenate([np.zeros((0, BANDS), np.float32), *blocks])


def first_column(frame: np.ndarray) -> np.ndarray:
    """The first of the columns that video frames see: int(80 (i - 2) / 25), rounded toward zero."""
    return np.trunc(_COLUMNS_PER_SECOND * (frame - 2) / FRAME_RATE).astype(int)


def mel_windows(mel: np.ndarray, start: int, stop: int, gone: int = 0) -> np.ndarray:
    """Windows of the video frames `start` .. `stop` - 1.

    Frame i sees 16 columns from `first_column(i)`, indices clamped to the recording. Frames beyond its end are allowed
    and repeat the last column.

    Args:
        mel: (columns, 80), from `mel_spectrogram`.
        gone: columns of the recording that `mel` no longer has at its beginning; frames from `start` see none of them.

    Returns:
        float32 of shape (stop - start, 80, 16).
    """
    first = first_column(np.arange(start, stop)) - gone  # (n,)
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
    """(401, 80): triangles of unit area on Slaney's mel scale, which are those of `librosa.filters.mel` to the bit.

    Written out, because librosa brings a compiler of 170 MB and takes seconds to import.
    """
    corners = _hertz(np.linspace(*_mel(np.array(_RANGE)), BANDS + 2))[:, None]  # (82, 1)
    bins, widths = np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE), np.diff(corners, axis=0)
    rising, falling = (bins - corners[:-2]) / widths[:-1], (corners[2:] - bins) / widths[1:]  # (80, 401)
    bank = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    bank *= 2 / (corners[2:] - corners[:-2])
    return bank.T.astype(np.float64)


def _mel(hertz: np.ndarray) -> np.ndarray:
    """Slaney's scale: linear up to 1 kHz, then logarithmic."""
    above = _KNEE / _HERTZ_PER_MEL + np.log(np.maximum(hertz, _KNEE) / _KNEE) / _LOG_STEP
    return np.where(hertz >= _KNEE, above, hertz / _HERTZ_PER_MEL)


def _hertz(mel: np.ndarray) -> np.ndarray:
    """The inverse of `_mel`."""
    above = _KNEE * np.exp(_LOG_STEP * (mel - _KNEE / _HERTZ_PER_MEL))
    return np.where(mel >= _KNEE / _HERTZ_PER_MEL, above, _HERTZ_PER_MEL * mel)
