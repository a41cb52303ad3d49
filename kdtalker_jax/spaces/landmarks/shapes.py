"""Shapes of faces in the canonical pose: the template, a face at rest, how far landmarks move. numpy.

Units are those of the template: 1 is the distance of the outer eye corners. x to the right in the picture, y down.
"""

import math

import numpy as np

from kdtalker_jax.spaces.landmarks.contours import INNER_LIPS, OUTER_EYE_CORNERS, rows_of, stable_weights
from kdtalker_jax.spaces.landmarks.pose import canonical, fit_pose

LEAST_DEVIATION = 1e-3  # of a coordinate: smaller ones are noise
_REST = 0.1  # of all frames: those of the least open mouth


def template_of(faces: np.ndarray, first: np.ndarray | None = None, *, repeats: int = 3) -> np.ndarray:
    """The mean shape of faces, from repeated fits to the mean before.

    Args:
        faces: (T, N, 3) in pictures.
        first: (N, 3) face to begin with, the first one unless it is given. The canonical pose is its pose, so it should
            look at the viewer.
        repeats: of fit and mean.

    Returns:
        (N, 3), with the mean of the stable points at the origin and the outer eye corners 1 apart.
    """
    template = faces[0] if first is None else first
    weights = stable_weights(faces.shape[-2])
    for _ in range(repeats):
        template = canonical(faces, fit_pose(template, faces, weights)).mean(axis=0)
    left, right = template[rows_of(OUTER_EYE_CORNERS, len(template))]
    return (template - weights.astype(template.dtype) @ template) / np.linalg.norm(left - right)


def lip_gap(shapes: np.ndarray) -> np.ndarray:
    """(..., N, 3) -> (...,): from the upper inner lip down to the lower one, in the middle; below 0 they overlap."""
    upper, lower = rows_of(INNER_LIPS, shapes.shape[-2])
    return shapes[..., lower, 1] - shapes[..., upper, 1]


def at_rest(shapes: np.ndarray) -> np.ndarray:
    """A person's face at rest, out of frames: the mean of the tenth with the least lip gap. (T, N, 3) -> (N, 3)."""
    frames = math.ceil(_REST * len(shapes))
    return shapes[np.argsort(lip_gap(shapes), kind="stable")[:frames]].mean(axis=0)


def opening_direction(offsets: np.ndarray) -> np.ndarray:
    """How faces move most: the first principal component of offsets from faces at rest.

    Args:
        offsets: (T, N, 3) of a whole training set.

    Returns:
        (N, 3) of length 1; along it the lips part.
    """
    flat = offsets.reshape(len(offsets), -1).astype(np.float64)
    flat = flat - flat.mean(axis=0)
    direction = np.linalg.eigh(flat.T @ flat)[1][:, -1].reshape(offsets.shape[1:])
    return direction * (-1 if lip_gap(direction) < 0 else 1)


def closed(shape: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """A person's face at rest, out of one frame: moved back along `opening_direction` until the lips meet.

    Args:
        shape: (..., N, 3). direction: (N, 3).

    Raises:
        ValueError: the direction leaves the lips where they are.
    """
    parting = lip_gap(direction)
    if not abs(parting) > 1e-6 * np.linalg.norm(direction):
        raise ValueError("the direction does not part the lips")
    return shape - (lip_gap(shape) / parting)[..., None, None] * direction


def held_over(points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(F, ...) of a video with those of the last frame that shows the face, or of the first one that does, where a
    frame does not; seen (F,) bool has one that does."""
    last = np.maximum.accumulate(np.where(seen, np.arange(len(seen)), -1))
    return points[np.where(last < 0, np.argmax(seen), last)]


def deviations(offsets: np.ndarray) -> np.ndarray:
    """(T, N, 3) of a training set -> (N, 3): standard deviation of each coordinate, at least LEAST_DEVIATION."""
    return np.maximum(offsets.std(axis=0), LEAST_DEVIATION)
