"""Faces as landmarks for tests: a head that is round, with a mouth, in known poses."""

import numpy as np

from kdtalker_jax.spaces.heads import rotation_of
from kdtalker_jax.spaces.landmarks.contours import LIPS, LOWER_OVAL, rows_of
from kdtalker_jax.spaces.landmarks.pose import Pose

UPPER_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)


def head(seed=0, points=162):
    """(N, 3) points of a head about as large as the unit, with its features nowhere in particular."""
    return np.random.default_rng(seed).normal(size=(points, 3)) * (0.8, 1.0, 0.4)


def poses(frames, seed=1):
    rng = np.random.default_rng(seed)
    pitch, yaw, roll = rng.uniform([[-40], [-60], [-80]], [[40], [60], [80]], (3, frames))
    return Pose(rng.uniform(0.2, 2.0, frames), rotation_of(pitch, yaw, roll), rng.normal(size=(frames, 3)))


def speaking(shape, opening):
    """(T, N, 3): the lower lip and the jaw go down by `opening` (T,), the corners inwards; lips meet at 0."""
    points = len(shape)
    lower = rows_of(dict.fromkeys(set(LIPS) - set(UPPER_LIPS) | set(LOWER_OVAL)), points)
    shapes = np.repeat(shape[None], len(opening), axis=0)
    upper_lip, lower_lip = rows_of((13, 14), points)
    shapes[:, lower_lip] = shapes[:, upper_lip]
    shapes[:, lower, 1] += opening[:, None]
    shapes[:, rows_of((61,), points), 0] += 0.2 * opening[:, None]
    shapes[:, rows_of((291,), points), 0] -= 0.2 * opening[:, None]
    return shapes
