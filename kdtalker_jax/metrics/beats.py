"""Beat align: whether the head nods with the music of speech (Siyao et al., arXiv 2203.13055, section 4.1)."""

import librosa
import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import argrelmin

from kdtalker_jax.compiling import announced
from kdtalker_jax.media.rates import FRAME_RATE, SAMPLE_RATE

SMOOTHING = 5.0  # standard deviation in frames
TOLERANCE = 0.1  # seconds
SHORTEST = 2048  # samples, librosa's window: in less it finds nothing, and warns


def beat_align(motion: np.ndarray, audio: np.ndarray) -> float:
    """Mean over audio beats of exp(-d^2 / (2 * 0.1^2)), d the time to the nearest motion beat; from 0 to 1.

    Args:
        motion, audio: times of beats in seconds.

    Returns:
        NaN where there are no beats of either kind.
    """
    if not len(motion) or not len(audio):
        return np.nan
    nearest = np.abs(audio[:, None] - motion).min(axis=1)  # (audio beats,)
    return float(np.exp(-(nearest**2) / (2 * TOLERANCE**2)).mean())


def motion_beats(keypoints: np.ndarray) -> np.ndarray:
    """Times in seconds where the keypoints (T, K, D) are slowest: local minima of their smoothed mean speed.

    The speed between frames i and i + 1 is that of the time in the middle.
    """
    if len(keypoints) < 2:
        return np.zeros(0)
    speed = np.linalg.norm(np.diff(keypoints, axis=0), axis=-1).mean(axis=-1)  # (T - 1,)
    (minima,) = argrelmin(gaussian_filter1d(speed, SMOOTHING))
    return (minima + 0.5) / FRAME_RATE


def audio_beats(waveform: np.ndarray) -> np.ndarray:
    """Times in seconds of the beats in a waveform (samples,) of 16 kHz; none in silence."""
    if len(waveform) < SHORTEST:
        return np.zeros(0)
    with announced("what finds beats in sound", "a minute or two the first time", jax=False):  # by Numba
        _, beats = librosa.beat.beat_track(y=waveform, sr=SAMPLE_RATE, units="time")
    return beats
