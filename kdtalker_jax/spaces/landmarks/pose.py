"""Where a face is in the picture, as a similarity, and its shape apart from that.

Row vectors: a face is X = s P R + t, where P is its shape in the canonical pose. x and y of X are in units of the
picture (-1 to 1, y down), z in the same unit, positive towards the viewer. Pure functions on numpy or JAX arrays with
any leading dimensions, in the precision of the points.
"""

from typing import NamedTuple

import jax
import numpy as np

Array = np.ndarray | jax.Array


class Pose(NamedTuple):
    """scale s (...,), rotation R (..., 3, 3), t (..., 3)."""

    scale: Array
    rotation: Array
    t: Array


def fit_pose(template: Array, points: Array, weights: Array) -> Pose:
    """The pose that brings a template closest to faces, in the weighted mean of squares (Umeyama 1991).

    Args:
        template: (N, 3), in the canonical pose.
        points: (..., N, 3), in the picture.
        weights: (N,), 1 in sum; `contours.stable_weights`.

    Returns:
        The pose, with a proper rotation also of faces that are flat or mirrored.
    """
    xp = points.__array_namespace__()
    template, weights = (xp.asarray(array, dtype=points.dtype) for array in (template, weights))
    with jax.default_matmul_precision("highest"):  # accelerators round the inputs of products by default
        middle, middles = weights @ template, weights @ points  # (3,), (..., 3)
        still, moved = template - middle[None], points - middles[..., None, :]  # (N, 3), (..., N, 3)
        weighted = weights[:, None] * still
        u, d, vt = xp.linalg.svd(weighted.T @ moved)  # (..., 3, 3), (..., 3), (..., 3, 3)
        last = xp.where(xp.linalg.det(u @ vt) < 0, -1.0, 1.0).astype(points.dtype)  # (...,)
        signs = xp.stack([xp.ones_like(last), xp.ones_like(last), last], axis=-1)
        rotation = (u * signs[..., None, :]) @ vt
        scale = (d * signs).sum(-1) / (weighted * still).sum()
        return Pose(scale, rotation, middles - scale[..., None] * (middle @ rotation))


def placed(shape: Array, pose: Pose) -> Array:
    """P -> X: shapes (..., N, 3) in the canonical pose -> in the picture."""
    with jax.default_matmul_precision("highest"):
        return pose.scale[..., None, None] * (shape @ pose.rotation) + pose.t[..., None, :]


def canonical(points: Array, pose: Pose) -> Array:
    """X -> P: the inverse of `placed`."""
    with jax.default_matmul_precision("highest"):
        return (points - pose.t[..., None, :]) @ pose.rotation.mT / pose.scale[..., None, None]
