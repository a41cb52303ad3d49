"""A motion at another rate: positions linearly, rotations by the shortest way (slerp)."""

from fractions import Fraction

import numpy as np

from kdtalker_jax.spaces.heads import Heads, heads_of, motion_of, placed
from kdtalker_jax.spaces.keypoints import Motion


def frames_at(frames: int, rate: Fraction, wanted: Fraction) -> int:
    """How many frames of the wanted rate `frames` of a rate fill; at least one."""
    return max(frames * wanted.numerator * rate.denominator // (wanted.denominator * rate.numerator), 1)


def positions_at(frames: int, rate: Fraction, wanted: Fraction) -> tuple[np.ndarray, np.ndarray]:
    """Where frames of the wanted rate lie: after which of the `frames`, and how far to the next, 0 to 1. (T',) each.

    Exact, so that an hour does not drift; the last frame is held to its end.
    """
    step = rate / wanted
    ticks = np.arange(frames_at(frames, rate, wanted), dtype=np.int64) * step.numerator
    before = np.minimum(ticks // step.denominator, frames - 1)
    share = (ticks % step.denominator) / step.denominator
    return before, np.where(before == frames - 1, 0.0, share)


def resampled(heads: Heads, rate: Fraction, wanted: Fraction) -> Heads:
    """Heads of a rate at the wanted one."""
    from scipy.spatial.transform import Rotation, Slerp  # takes a tenth of a second

    if rate == wanted or heads.frames == 1:
        return heads
    before, share = positions_at(heads.frames, rate, wanted)
    turns = Slerp(np.arange(heads.frames), Rotation.from_matrix(heads.rotation))
    rotation = turns(before + share).as_matrix()
    return Heads(*(between(field, before, share) for field in heads))._replace(rotation=rotation)


def motion_at(motion: Motion, canonical: np.ndarray, rate: Fraction, wanted: Fraction) -> Motion:
    """A motion, and what moves a portrait by it, at another rate.

    Driving keypoints are where the heads place them, plus what was added since, such as by stitching; of that,
    the heads turn by slerp and the rest goes linearly.

    Args:
        motion: T frames. canonical: (3 K,) keypoints of the portrait.
        rate: of the motion. wanted: frames a second.
    """
    if rate == wanted:
        return motion
    if len(motion) == 1:  # held
        keep = np.zeros(frames_at(1, rate, wanted), np.int64)
        return Motion(**{name: values[keep] for name, values in motion.arrays().items()})
    heads, canonical = heads_of(motion), np.asarray(canonical, np.float64).reshape(-1, 3)
    moved, keypoints = resampled(heads, rate, wanted), None
    if motion.keypoints is not None:
        added = motion.keypoints - placed(canonical, heads)  # (T, K, 3)
        keypoints = placed(canonical, moved) + between(added, *positions_at(len(motion), rate, wanted))
    return motion_of(moved, keypoints)


def between(numbers: np.ndarray, before: np.ndarray, share: np.ndarray) -> np.ndarray:
    """(T, ...) numbers at positions as `positions_at` gives them, linearly."""
    after = np.minimum(before + 1, len(numbers) - 1)
    share = share.reshape(-1, *(1,) * (numbers.ndim - 1))
    return numbers[before] + share * (numbers[after] - numbers[before])
