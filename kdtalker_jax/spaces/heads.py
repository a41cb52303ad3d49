"""Heads as reenactment computes with them: rotations as matrices, keypoints apart. numpy in float64, row vectors."""

from typing import NamedTuple

import numpy as np

from kdtalker_jax.spaces.geometry import rotation_matrix
from kdtalker_jax.spaces.keypoints import Motion

ANGLES = ("pitch", "yaw", "roll")  # in the order of `rotation_of`


class Heads(NamedTuple):
    """T heads. Where arithmetic has left them, rotations need be none; `motion_of` makes some of them.

    Attributes:
        scale: (T,). rotation: (T, 3, 3). exp: (T, K, 3). t: (T, 3).
    """

    scale: np.ndarray
    rotation: np.ndarray
    exp: np.ndarray
    t: np.ndarray

    def at(self, frames: slice | np.ndarray) -> "Heads":
        """Some of them: a slice, or indices."""
        return Heads(*(field[frames] for field in self))

    @property
    def frames(self) -> int:
        return len(self.scale)


def heads_of(motion: Motion) -> Heads:
    """A motion's heads."""
    scale, yaw, pitch, roll, t, exp = (
        np.asarray(getattr(motion, name), np.float64) for name in ("scale", "yaw", "pitch", "roll", "t", "exp")
    )
    return Heads(scale, rotation_of(pitch, yaw, roll), exp.reshape(len(exp), -1, 3), t)


def motion_of(heads: Heads, keypoints: np.ndarray | None = None) -> Motion:
    """The motion of heads, with the nearest rotations; `keypoints` (T, K, 3) are driving keypoints."""
    pitch, yaw, roll = angles_of(nearest_rotation(heads.rotation))
    exp = heads.exp.reshape(len(heads.exp), -1)
    return Motion(heads.scale, yaw, pitch, roll, heads.t, exp, keypoints=keypoints)


def placed(canonical: np.ndarray, heads: Heads, *, depth: bool = False) -> np.ndarray:
    """Keypoints in the picture, (T, K, 3): scale (kp R + exp) + (t_x, t_y, 0).

    Args:
        canonical: (K, 3), or (T, K, 3) of several portraits.
        heads: T.
        depth: add t_z too, as LivePortrait's editor does; the published weights have none.
    """
    turned = canonical @ heads.rotation + heads.exp  # (T, K, 3)
    return heads.scale[:, None, None] * turned + (heads.t * (1, 1, depth))[:, None]


def rotation_of(pitch: np.ndarray, yaw: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """Degrees (...,) each -> (..., 3, 3), as `geometry.rotation_matrix` in float64."""
    return rotation_matrix(pitch, yaw, roll, np)


def angles_of(rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The inverse of `rotation_of`: pitch, yaw, roll (...,) in degrees; yaw from -90 to 90."""
    level = np.hypot(rotation[..., 0, 0], rotation[..., 0, 1])  # cos(yaw)
    yaw = np.arctan2(-rotation[..., 0, 2], level)
    locked = level < 1e-7  # looking straight sideways: pitch and roll are one turn
    pitch = np.where(
        locked,
        np.arctan2(-rotation[..., 2, 1], rotation[..., 1, 1]),
        np.arctan2(rotation[..., 1, 2], rotation[..., 2, 2]),
    )
    roll = np.where(locked, 0.0, np.arctan2(rotation[..., 0, 1], rotation[..., 0, 0]))
    return np.degrees(pitch), np.degrees(yaw), np.degrees(roll)


def angle_between(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """By how many degrees rotations (..., 3, 3) are turned from others."""
    trace = np.einsum("...ij,...ij->...", one, other)
    return np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


def nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    """The rotations (..., 3, 3) nearest to matrices."""
    u, _, vt = np.linalg.svd(matrix)
    sign = np.ones(matrix.shape[:-1])
    sign[..., 2] = np.linalg.det(u @ vt)
    return (u * sign[..., None, :]) @ vt
