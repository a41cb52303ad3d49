"""Measures of signals over time: what `benchmarks.demo_quality` computes once pictures have been read. Numpy only."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.ndimage import binary_erosion, gaussian_filter1d

from kdtalker_jax.media.rates import SAMPLES_PER_FRAME
from kdtalker_jax.metrics.mouth import loudness

LARGEST_OFFSET = 5  # frames
_SHUT, _OPEN = 0.6, 0.4  # lid closure beyond which a blink has begun, and below which the eye is open again
_QUIETEST = 40.0  # dB below the loud syllables: what is quieter differs in nothing that a mouth shows
_PAUSE = 0.3  # of the range of loudness
_PAUSE_EDGE = 3  # frames at both ends of a pause in which a mouth may still move


class Following(NamedTuple):
    """How well signals follow others."""

    pooled: float  # Pearson's r over all frames of all clips
    lowest: float  # of the clips' own
    offset: int  # frames at which the pooled r is greatest; positive: late


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r of (F,) and (F,); NaN where one of them never varies."""
    return float(np.corrcoef(a, b)[0, 1]) if np.ptp(a) and np.ptp(b) else np.nan


def following(measured: Sequence[np.ndarray], wanted: Sequence[np.ndarray]) -> Following:
    """Clips (F,) of a signal against those that it should follow."""
    clips = list(zip(measured, wanted, strict=True))

    def at(offset: int) -> float:
        pairs = [
            (a[max(offset, 0) : len(a) + min(offset, 0)], b[max(-offset, 0) : len(b) - max(offset, 0)])
            for a, b in clips
        ]
        return correlation(*(np.concatenate(side) for side in zip(*pairs, strict=True)))

    offsets = range(-LARGEST_OFFSET, LARGEST_OFFSET + 1)
    best = np.nan_to_num([at(offset) for offset in offsets], nan=-1)
    return Following(at(0), min(correlation(a, b) for a, b in clips), offsets[int(np.argmax(best))])


def count_blinks(closure: np.ndarray) -> int:
    """How often a lid (F,), 0 open to 1 closed, shuts."""
    state = np.where(closure > _SHUT, 1, np.where(closure < _OPEN, 0, -1))
    settled = state[state >= 0]
    return int(np.sum(np.diff(settled, prepend=0) == 1))


def border_jumps(values: np.ndarray, window: int) -> np.ndarray:
    """(F, D) -> (borders,) lengths of the steps from a window's last frame to the next, by the median of all others."""
    steps = np.linalg.norm(np.diff(values, axis=0), axis=-1)  # (F - 1,)
    at_border = np.arange(1, len(steps) + 1) % window == 0  # step i leads to frame i + 1
    return steps[at_border] / np.median(steps[~at_border])


def envelope(waveform: np.ndarray) -> np.ndarray:
    """Loudness of a recording (samples,) around the moment of each frame, smoothed: (F,) dB."""
    # Frame i shows the moment at which its samples begin.
    centred = np.pad(waveform, (SAMPLES_PER_FRAME // 2, 0))[: len(waveform)]
    loud = loudness(centred)
    return gaussian_filter1d(np.maximum(loud, np.percentile(loud, 95) - _QUIETEST), 1.0)


def pauses(loud: np.ndarray) -> np.ndarray:
    """Frames (F,) of an envelope that are quiet, and have been and will be for a moment: bool."""
    low, high = np.percentile(loud, (5, 95))
    return binary_erosion(loud < low + _PAUSE * (high - low), iterations=_PAUSE_EDGE, border_value=1)
