"""Whether the mouth opens when the voice is loud: a measure of synchrony that needs no trained judge."""

from typing import NamedTuple

import numpy as np

from kdtalker_jax.media.rates import SAMPLES_PER_FRAME, num_frames

MAX_OFFSET = 15  # frames of 40 ms, either way
MOST_MISSING = 0.5  # part of the frames that may be without a face
SILENCE = 1e-5  # root mean square, -100 dB: quieter counts as this
# iBUG 300-W: the inner lips from above and below, and the outer corners of the eyes.
UPPER_LIP, LOWER_LIP, EYES = [61, 62, 63], [67, 66, 65], [36, 45]


class MouthSync(NamedTuple):
    """Correlation at the best offset, from -1 to 1, and that offset in frames; positive where the sound is ahead."""

    correlation: float
    offset: float


def mouth_opening(landmarks: np.ndarray) -> np.ndarray:
    """Distance between the inner lips by the distance between the eyes' outer corners.

    landmarks (T, 68, 2), NaN where there is no face -> (T,), NaN there too.
    """
    lips = np.linalg.norm(landmarks[:, UPPER_LIP] - landmarks[:, LOWER_LIP], axis=-1).mean(axis=-1)  # (T,)
    eyes = np.linalg.norm(landmarks[:, EYES[0]] - landmarks[:, EYES[1]], axis=-1)  # (T,)
    return lips / np.where(eyes > 0, eyes, np.nan)


def loudness(waveform: np.ndarray) -> np.ndarray:
    """Root mean square of each video frame's samples in dB of full scale: (samples,) at 16 kHz -> (frames,)."""
    frames = num_frames(len(waveform))
    samples = waveform[: frames * SAMPLES_PER_FRAME].reshape(frames, SAMPLES_PER_FRAME)
    return 20 * np.log10(np.maximum(np.sqrt(np.square(samples, dtype=np.float64).mean(axis=1)), SILENCE))


def mouth_sync(opening: np.ndarray, loud: np.ndarray) -> MouthSync:
    """Pearson's correlation of the mouth's opening with the loudness, at the offset where it is greatest.

    Args:
        opening: (T,) NaN where it is not known; gaps are interpolated.
        loud: (frames,). The longer of the two is cut.

    Returns:
        Both NaN where more than half of the frames have no face, one of the two never varies, or there are fewer than
        twice as many frames as offsets are tried in one direction.
    """
    frames = min(len(opening), len(loud))
    opening, loud = opening[:frames], loud[:frames]
    known = np.isfinite(opening)
    if frames < 2 * MAX_OFFSET or known.mean() < 1 - MOST_MISSING:
        return MouthSync(np.nan, np.nan)
    time = np.arange(frames)
    opening = np.interp(time, time[known], opening[known])
    offsets = range(-MAX_OFFSET, MAX_OFFSET + 1)
    correlations = np.array([_correlation(opening, loud, offset) for offset in offsets])
    if np.isnan(correlations).all():
        return MouthSync(np.nan, np.nan)
    best = int(np.nanargmax(correlations))
    return MouthSync(float(correlations[best]), float(offsets[best]))


def _correlation(opening: np.ndarray, loud: np.ndarray, offset: int) -> float:
    """Of the mouth in frame t with the sound in frame t - offset."""
    lips, sound = opening[max(offset, 0) :], loud[max(-offset, 0) :]
    lips, sound = lips[: len(sound)], sound[: len(lips)]
    if np.ptp(lips) == 0 or np.ptp(sound) == 0:
        return np.nan
    return float(np.corrcoef(lips, sound)[0, 1])
