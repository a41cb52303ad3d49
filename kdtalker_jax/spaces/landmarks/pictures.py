"""Pictures of landmarks: anti-aliased lines on white, as networks see a face that is only known by its points."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.batching import in_batches
from kdtalker_jax.spaces.landmarks.contours import CONTOURS, MESH_POINTS, rows_of, tessellation

TESSELLATION = (0.8, 0.8, 0.8)  # where all 478 landmarks are known, below the lines
LINE_WIDTH = 1.5 / 256  # of the picture's side
PICTURES_PER_BATCH = 8

# What is painted, in this order, each over those before it. Colours are red, green, blue, 0 to 1.
COLOURS = {
    "oval": (0.0, 0.0, 0.0),
    "nose, ridge": (0.0, 0.0, 0.0),
    "nose, base": (0.0, 0.0, 0.0),
    "left brow, lower edge": (0.55, 0.3, 0.0),
    "left brow, upper edge": (0.55, 0.3, 0.0),
    "right brow, lower edge": (0.9, 0.6, 0.0),
    "right brow, upper edge": (0.9, 0.6, 0.0),
    "left eye": (0.0, 0.0, 0.9),
    "right eye": (0.0, 0.6, 0.9),
    "left iris": (0.45, 0.0, 0.8),
    "left iris, centre": (0.45, 0.0, 0.8),
    "right iris": (0.0, 0.6, 0.3),
    "right iris, centre": (0.0, 0.6, 0.3),
    "outer lips": (0.9, 0.0, 0.0),
    "inner lips": (0.9, 0.0, 0.6),
}


@partial(jax.jit, static_argnames="size")
def landmark_pictures(points: jax.Array, size: int) -> jax.Array:
    """Draw faces.

    A line covers clip(w / 2 + 1/2 - d, 0, 1) of a pixel whose centre is d pixels away, w being its width in pixels.
    Each line of two points is painted over those before it.

    Args:
        points: (B, N, 2 or more), x and y from -1 to 1, y down; N is 162 or 478.
        size: of the pictures, in pixels.

    Returns:
        float32 (B, size, size, 3), -1 to 1.
    """
    points = (points[..., :2].astype(jnp.float32) + 1) * (size / 2)  # (B, N, 2) in pixels from the upper left corner
    edges, colours = _lines(points.shape[1])
    white = jnp.ones((3, size, size), jnp.float32)  # channels first: rows of pixels are vectors

    def picture(points: jax.Array) -> jax.Array:
        return jax.lax.scan(_paint, white, (points[edges], colours))[0]

    pictures = jax.lax.map(picture, points)  # one by one: a single picture stays in a processor's cache
    return jnp.moveaxis(pictures, 1, -1) * 2 - 1


def _paint(picture: jax.Array, line: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
    """A line of two ends (2, 2), in pixels, and a colour (3,), over a picture (3, size, size)."""
    ends, colour = line
    size = picture.shape[-1]
    centres = jnp.arange(size, dtype=jnp.float32) + 0.5
    (x, y), (along_x, along_y) = ends[0], ends[1] - ends[0]
    across, down = (centres - x)[None, :], (centres - y)[:, None]
    length = jnp.maximum(along_x * along_x + along_y * along_y, jnp.float32(1e-12))  # squared; a point has none
    nearest = jnp.clip((across * along_x + down * along_y) / length, 0, 1)  # (size, size), from the first end on
    distance = jnp.sqrt(jnp.square(across - nearest * along_x) + jnp.square(down - nearest * along_y))
    covered = jnp.clip(LINE_WIDTH * size / 2 + 0.5 - distance, 0, 1)
    return picture + covered[None] * (colour[:, None, None] - picture), None


def draw(points: np.ndarray, size: int) -> np.ndarray:
    """`landmark_pictures` of any number of faces, a few at a time; compiled once for all numbers."""
    return in_batches(partial(landmark_pictures, size=size), PICTURES_PER_BATCH, points)


@cache
def _lines(points: int) -> tuple[np.ndarray, np.ndarray]:
    """All lines in the order of painting: the rows (E, 2) of their ends, and their colours (E, 3)."""
    contours = {contour.name: contour for contour in CONTOURS}
    lines = [(edge, TESSELLATION) for edge in tessellation()] if points == MESH_POINTS else []
    lines += [(edge, colour) for name, colour in COLOURS.items() for edge in contours[name].edges]
    edges, colours = zip(*lines, strict=True)
    return rows_of(np.ravel(edges), points).reshape(-1, 2), np.array(colours, np.float32)
