"""Where mouths are painted: rectangles that know the person at rest and the pose, so that they tell nothing of lips."""

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.renderers.latent.config import GRID
from kdtalker_jax.spaces.landmarks.contours import rows_of
from kdtalker_jax.spaces.landmarks.pose import Pose, placed

_BASE_OF_NOSE, _CHIN = 2, 152
_CORNERS = (_BASE_OF_NOSE, 172, 397, _CHIN)  # with the corners of the jaw
OPEN_JAW = 0.35  # how far the chin goes down, of its distance to the base of the nose
GROWN = 0.04
NO_SEAMS = np.zeros(4, bool)  # left, top, right, bottom of a picture


def mouth_boxes(identity: np.ndarray, pose: Pose, size: int) -> np.ndarray:
    """Rectangles about mouths and jaws, open or closed.

    Args:
        identity: (N, 3) the person's face at rest, in the canonical pose.
        pose: of F frames.
        size: of the pictures, in pixels.

    Returns:
        int32 (F, 4): left, top, right, bottom in pixels, multiples of `GRID`; empty where the mouth is out of sight.
    """
    corners = identity[rows_of(_CORNERS, len(identity))].astype(np.float64)  # (4, 3)
    nose, *_, chin = corners
    corners[-1, 1] += OPEN_JAW * np.linalg.norm(chin - nose)
    x_y = (placed(corners, Pose(*map(np.asarray, pose)))[..., :2] + 1) * (size / 2)  # (F, 4, 2)
    low, high = x_y.min(axis=1), x_y.max(axis=1)
    grown = GROWN / 2 * (high - low)
    low, high = np.floor((low - grown) / GRID) * GRID, np.ceil((high + grown) / GRID) * GRID
    return np.clip(np.concatenate([low, high], axis=1), 0, size).astype(np.int32)


def inside(boxes: jax.Array, size: int, cell: int = 1) -> jax.Array:
    """Boxes (B, 4) as maps of cells of so many pixels: 1 inside, 0 outside, float32 (B, cells, cells, 1)."""
    across, down = _depths(boxes, size, cell)
    return ((across[:, None] > 0) & (down[:, :, None] > 0)).astype(jnp.float32)[..., None]


def feathered(boxes: jax.Array, size: int, feather: float, seams: np.ndarray = NO_SEAMS) -> jax.Array:
    """What is taken of what is painted: 0 outside boxes (B, 4), rising to 1 over `feather` pixels inside, but for sides
    that are the picture's. `seams` (4,) or (B, 4) says which of these have one. float32 (B, size, size, 1)."""
    across, down = _depths(boxes, size, 1, seams)
    depth = jnp.minimum(across[:, None], down[:, :, None])  # (B, size, size)
    return jnp.clip(depth / max(feather, 1e-3), 0, 1)[..., None]


def _depths(boxes: jax.Array, size: int, cell: int, seams: np.ndarray = NO_SEAMS) -> tuple[jax.Array, jax.Array]:
    """How far the middles of cells lie inside boxes, across and down: (B, cells) each, in pixels.

    The picture's border, but for the sides that `seams` names, counts as far away.
    """
    places = (jnp.arange(size // cell, dtype=jnp.float32) + 0.5)[None] * cell
    boxes = jnp.asarray(boxes, jnp.float32)[:, :, None]  # (B, 4, 1)
    seams = jnp.broadcast_to(seams, boxes.shape[:2])[:, :, None]

    def depth(first: int) -> jax.Array:
        far, (low, high) = jnp.float32(size), (boxes[:, first], boxes[:, first + 2])
        empty = high <= low
        low = jnp.where((low <= 0) & ~seams[:, first], -far, low)
        high = jnp.where((high >= size) & ~seams[:, first + 2], 2 * far, high)
        return jnp.where(empty, -far, jnp.minimum(places - low, high - places))

    return depth(0), depth(1)
