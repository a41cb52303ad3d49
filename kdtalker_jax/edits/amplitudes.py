"""How far a motion takes a portrait from its own face and pose, channel by channel."""

from collections.abc import Mapping

import numpy as np

from kdtalker_jax.edits.regions import EYES, KEYPOINTS, LIP
from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.heads import ANGLES, Heads, angles_of, rotation_of

LARGEST_FACTOR = 2.0
_PARTS = {"lips": LIP, "eyes": EYES}  # of the expression
CHANNELS = ("pose", *ANGLES, "position", "expression", *_PARTS)  # pose: the rotation and the position


def amplified(heads: Heads, own: Heads, factors: Mapping[str, np.ndarray]) -> Heads:
    """Heads, each channel so many times as far from the portrait's own; frames where that is 1 change by no bit.

    Args:
        heads: T frames. own: the portrait's, one frame or T.
        factors: by channel, (T,).

    Raises:
        InputError: lips or eyes of a model of other keypoints than the published.
    """
    scale, rotation, exp, t = heads
    by = {name: factor for name, factor in factors.items() if (factor != 1).any()}
    if "pose" in by:
        rotation = _farther(rotation, own.rotation, by["pose"])
    if not by.keys().isdisjoint(ANGLES):
        rotation = _angles_farther(rotation, own.rotation, by)
    for name in ("pose", "position"):
        if name in by:
            t = _apart(t, own.t, by[name])
    if "expression" in by:
        exp = _apart(exp, own.exp, by["expression"])
    for name, keypoints in _PARTS.items():
        if name in by:
            exp = exp.copy()
            check_parts(exp.shape[1])
            exp[:, keypoints] = _apart(exp[:, keypoints], own.exp[:, keypoints], by[name])
    return Heads(scale, rotation, exp, t)


def check_parts(keypoints: int) -> None:
    """Raises InputError where nobody knows which keypoints are lips and eyes."""
    if keypoints != KEYPOINTS:
        raise InputError(f"Lips and eyes are known for {KEYPOINTS} keypoints, and this model has {keypoints}.")


def _apart(numbers: np.ndarray, own: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """(T, ...) so many times (T,) as far from (1 or T, ...)."""
    factor = factor.reshape(-1, *(1,) * (numbers.ndim - 1))
    return np.where(factor == 1, numbers, own + factor * (numbers - own))


def _farther(rotation: np.ndarray, own: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Rotations (T, 3, 3) so many times as far, along the shortest way, from (1 or T, 3, 3)."""
    from scipy.spatial.transform import Rotation  # takes a tenth of a second

    away = Rotation.from_matrix(own.mT @ rotation).as_rotvec()  # (T, 3)
    moved = own @ Rotation.from_rotvec(factor[:, None] * away).as_matrix()
    return np.where((factor == 1)[:, None, None], rotation, moved)


def _angles_farther(rotation: np.ndarray, own: np.ndarray, factors: Mapping[str, np.ndarray]) -> np.ndarray:
    ones = np.ones(len(rotation))
    by = [factors.get(name, ones) for name in ANGLES]
    angles = zip(angles_of(rotation), angles_of(own), by, strict=True)
    moved = rotation_of(*(start + factor * (angle - start) for angle, start, factor in angles))
    same = np.all([factor == 1 for factor in by], axis=0)
    return np.where(same[:, None, None], rotation, moved)
