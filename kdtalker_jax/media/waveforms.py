"""What callers give as a recording -> 16 kHz waveforms, whole or in pieces."""

import os
from collections.abc import Iterable, Iterator

import numpy as np

from kdtalker_jax.media.audio import load_waveform, resample_chunks, resample_waveform
from kdtalker_jax.media.pace import warn_if_slow, watched
from kdtalker_jax.media.rates import SAMPLE_RATE

SAMPLES_AT_A_TIME = 1 << 16

PathLike = str | os.PathLike[str]


def waveform_of(audio: PathLike | np.ndarray, rate: int | None) -> np.ndarray:
    """A path, or a waveform of any rate, as 16 kHz mono (samples,). Without a rate it is taken for 16 kHz, with a
    warning if it sounds like more."""
    if isinstance(audio, (str, os.PathLike)):
        return load_waveform(audio)
    waveform = resample_waveform(audio, SAMPLE_RATE if rate is None else rate)
    if rate is None:
        warn_if_slow(waveform)
    return waveform


def pieces_of(chunks: Iterable[np.ndarray], rate: int | None) -> Iterator[np.ndarray]:
    """Chunks of any rate as pieces (n,) of 16 kHz; the same without a rate."""
    return watched(resample_chunks(chunks, SAMPLE_RATE)) if rate is None else resample_chunks(chunks, rate)


def in_pieces(waveform: np.ndarray) -> Iterator[np.ndarray]:
    """A waveform (samples,) a part at a time."""
    return (waveform[i : i + SAMPLES_AT_A_TIME] for i in range(0, len(waveform), SAMPLES_AT_A_TIME))
