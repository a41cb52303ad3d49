"""How far eyes and lips are open, from landmarks: ratios of height and width."""

import numpy as np

from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.landmarks.contours import CONTOUR_POINTS, rows_of

_TINY = 1e-6

# For each opening, the points above and below, and those at the two ends. Left is left in the picture. Means are taken
# of several points.
_MESH_EYES = (((160, 158), (153, 144), 33, 133), ((385, 387), (373, 380), 362, 263))
_MESH_LIPS = ((13,), (14,), 61, 291)


def _rows(above: tuple, below: tuple, left: int, right: int) -> tuple:
    """Points of a mesh as those of its contour set."""
    left, right = rows_of((left, right))
    return rows_of(above), rows_of(below), left, right


# By the number of landmarks: 468 and 478 are a mesh's, 162 its contour set.
_EYES = {
    203: (((6,), (18,), 0, 12), ((30,), (42,), 24, 36)),
    68: (((37, 38), (40, 41), 36, 39), ((43, 44), (46, 47), 42, 45)),
    468: _MESH_EYES,
    478: _MESH_EYES,
    CONTOUR_POINTS: tuple(_rows(*eye) for eye in _MESH_EYES),
}
_LIPS = {
    203: ((90,), (102,), 48, 66),
    68: ((62,), (66,), 48, 54),
    468: _MESH_LIPS,
    478: _MESH_LIPS,
    CONTOUR_POINTS: _rows(*_MESH_LIPS),
}


def eye_openings(landmarks: np.ndarray) -> np.ndarray:
    """(T, N, 2) landmarks, N = 68, 203, 468, 478 or 162 -> (T, 2) ratios of the left and the right eye.

    0.25 and more is open. Of three dimensions, (T, N, 3), ratios do not change as the head turns.
    """
    return np.stack([_opening(landmarks, *eye) for eye in _of(_EYES, landmarks)], axis=-1)


def lip_openings(landmarks: np.ndarray) -> np.ndarray:
    """The same for the lips, (T,): closed below 0.01, speech up to 0.67."""
    return _opening(landmarks, *_of(_LIPS, landmarks))


def _of(points: dict[int, tuple], landmarks: np.ndarray) -> tuple:
    if landmarks.shape[-2] not in points:
        *others, last = sorted(points)
        known = f"{', '.join(map(str, others))} or {last}"
        raise InputError(f"Openings are told from {known} landmarks, not from {landmarks.shape[-2]}.")
    return points[landmarks.shape[-2]]


def _opening(landmarks: np.ndarray, above: tuple, below: tuple, left: int, right: int) -> np.ndarray:
    height = landmarks[..., above, :].mean(axis=-2) - landmarks[..., below, :].mean(axis=-2)
    width = landmarks[..., left, :] - landmarks[..., right, :]
    return np.linalg.norm(height, axis=-1) / (np.linalg.norm(width, axis=-1) + _TINY)
