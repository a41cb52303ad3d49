"""Moving one face by another's motion: regions, relative or absolute (LivePortrait, arXiv 2407.03168, section 3.4).

Pure functions on `Heads`. The published rules differ by whether portrait and driver are pictures or videos; where a
rule has an obvious slip, the docstring says how to have it and how not.
"""

import numpy as np

from kdtalker_jax.edits.neutral import NEUTRAL
from kdtalker_jax.edits.regions import KEYPOINTS, Regions
from kdtalker_jax.edits.smoothing import KalmanSmoother
from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.heads import Heads, nearest_rotation

# Of the smoothing of a driver over time: how far a number wanders from frame to frame, and how noisy it is seen.
TRANSITION_VARIANCE = 1e-5
OBSERVATION_VARIANCE = 3e-7


def reenacted(own: Heads, driver: Heads, regions: Regions, *, relative: bool = True, reference: int = 0) -> Heads:
    """A portrait's head, moved by a driver.

    Args:
        own: the portrait's, one frame.
        driver: T frames; one frame is a picture, which relative to itself would say nothing: its expression counts from
            a face at rest, and it turns no head.
        regions: what moves; the rest stays the portrait's.
        relative: only what changes since the reference frame, on top of the portrait's own. The eyes of a picture,
            alone, are added as they are (as published).
        reference: that frame.

    Returns:
        T heads.
    """
    first = driver.at(slice(reference, reference + 1))
    picture = driver.frames == 1
    scale, rotation, t = own.scale, own.rotation, own.t
    if not relative:
        exp = driver.exp
        if regions.pose:
            rotation, t = driver.rotation, driver.t
    elif picture:
        exp = own.exp + first.exp - (0 if regions.eyes_alone else _at_rest(first))
    else:
        exp = own.exp + driver.exp - first.exp
        if regions.pose:
            rotation, t = driver.rotation @ first.rotation.mT @ own.rotation, own.t + driver.t - first.t
        if regions.size:
            scale = own.scale * driver.scale / first.scale
    mask = regions.mask(own.exp.shape[1], whole=relative)  # (K, 3)
    return _broadcast(Heads(scale, rotation, np.where(mask, exp, own.exp), t), driver.frames)


def video_reenacted(
    own: Heads,
    driver: Heads,
    regions: Regions,
    *,
    relative: bool = True,
    reference: int = 0,
    smoothing: float = 1.0,
    rotations: bool = True,
) -> Heads:
    """The heads of a video, each moved by the driver's frame of the same time.

    A video keeps its own size, and its own translation unless the pose is taken over absolutely.

    Args:
        own: of the video, T frames. driver: at least T frames, or one for all.
        regions: as in `reenacted`.
        relative: as in `reenacted`. reference: as in `reenacted`.
        smoothing: of what the driver brings, over time; a factor on `OBSERVATION_VARIANCE`, 1 as published, 0 off.
        rotations: False: smoothed matrices are left as they are, which no longer are rotations (as published).

    Raises:
        InputError: the driver is shorter.
    """
    if 1 < driver.frames < own.frames:
        raise InputError(f"The video has {own.frames} frames and the driver {driver.frames}: cut the video.")
    first = driver.at(slice(reference, reference + 1))
    driver = driver.at(slice(own.frames))
    if not relative:
        exp, rotation = driver.exp, driver.rotation
    elif driver.frames == 1:
        exp, rotation = own.exp + first.exp - _at_rest(first), own.rotation
    else:
        exp = own.exp + driver.exp - first.exp
        rotation = driver.rotation @ first.rotation.mT @ own.rotation
    if driver.frames > 1 and smoothing > 0:
        exp, rotation = smoothed_driver(exp, smoothing), smoothed_driver(rotation, smoothing)
        if rotations:
            rotation = nearest_rotation(rotation)
    exp = np.where(regions.mask(own.exp.shape[1], whole=False), exp, own.exp)
    t = driver.t if regions.pose and not relative else own.t
    return _broadcast(Heads(own.scale, rotation if regions.pose else own.rotation, exp, t), own.frames)


def animal_reenacted(own: Heads, driver: Heads) -> Heads:
    """A head of the driver's pose and expression and the portrait's size, as published for animals.

    Its keypoints x_i then move the portrait by `relative_keypoints`.
    """
    return _broadcast(Heads(own.scale, driver.rotation, driver.exp, driver.t), driver.frames)


def relative_keypoints(own: np.ndarray, driving: np.ndarray, reference: int = 0) -> np.ndarray:
    """x_s + m (x_i - x_0), (T, K, 3), m = `relative_size` of the portrait's (K, 3). As published for animals."""
    first = driving[reference]
    return own + relative_size(own, first) * (driving - first)


def relative_size(own: np.ndarray, other: np.ndarray) -> float:
    """Of a face's keypoints (K, 3), to another's: the square root of the ratio of their convex hulls' volumes."""
    from scipy.spatial import ConvexHull

    return float(np.sqrt(ConvexHull(own).volume / ConvexHull(other).volume))


def exaggerated(own: np.ndarray, driving: np.ndarray, multiplier: float) -> np.ndarray:
    """Driving keypoints (T, K, 3) as many times as far from the portrait's own (K, 3) or (T, K, 3)."""
    return own + multiplier * (driving - own)


def smoothed_driver(numbers: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """(T, ...) numbers smoothed over time, each for itself; `strength` is a factor on `OBSERVATION_VARIANCE`."""
    flat = numbers.reshape(len(numbers), -1)
    smoother = KalmanSmoother(strength, transition=TRANSITION_VARIANCE, observation=OBSERVATION_VARIANCE)
    return np.concatenate([smoother.push(flat), smoother.finish()]).reshape(numbers.shape)


def quietest(exp: np.ndarray, lips: np.ndarray | None) -> int:
    """The frame of the least open mouth, as the reference: an open one there would keep the portrait's lips apart.

    Args:
        exp: (T, K, 3). lips: (T,) how far they are open, where known; else the lower lip's keypoint tells.
    """
    if lips is not None:
        return int(np.argmin(lips))
    return int(np.argmin(exp[:, _LOWER_LIP, 1])) if exp.shape[1] == KEYPOINTS else 0


_LOWER_LIP = 19


def _at_rest(head: Heads) -> np.ndarray:
    """Raises InputError where the model's keypoints are not those of the neutral expression."""
    if head.exp.shape[1:] != NEUTRAL.shape:
        raise InputError("A single picture drives this model only absolutely: its face at rest is not known.")
    return NEUTRAL


def _broadcast(heads: Heads, frames: int) -> Heads:
    return Heads(*(np.broadcast_to(field, (frames, *field.shape[1:])) for field in heads))
