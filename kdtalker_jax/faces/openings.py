"""How far eyes and lips are open, from landmarks: ratios of height and width."""

import numpy as np

from kdtalker_jax.errors import InputError

_TINY = 1e-6

# By the number of landmarks: for each opening, the points above and below, and those at the two ends. Left is left in
# the picture. Means are taken of several points.
_EYES = {
    203: (((6,), (18,), 0, 12), ((30,), (42,), 24, 36)),
    68: (((37, 38), (40, 41), 36, 39), ((43, 44), (46, 47), 42, 45)),
}
_LIPS = {203: ((90,), (102,), 48, 66), 68: ((62,), (66,), 48, 54)}


def eye_openings(landmarks: np.ndarray) -> np.ndarray:
    """(T, N, 2) landmarks, N = 68 or 203 -> (T, 2) ratios of the left and the right eye: 0.25 and more open."""
    return np.stack([_opening(landmarks, *eye) for eye in _of(_EYES, landmarks)], axis=-1)


def lip_openings(landmarks: np.ndarray) -> np.ndarray:
    """(T, N, 2) landmarks, N = 68 or 203 -> (T,): closed below 0.01, speech up to 0.67."""
    return _opening(landmarks, *_of(_LIPS, landmarks))


def _of(points: dict[int, tuple], landmarks: np.ndarray) -> tuple:
    if landmarks.shape[-2] not in points:
        raise InputError(f"Openings are told from 68 or 203 landmarks, not from {landmarks.shape[-2]}.")
    return points[landmarks.shape[-2]]


def _opening(landmarks: np.ndarray, above: tuple, below: tuple, left: int, right: int) -> np.ndarray:
    height = landmarks[..., above, :].mean(axis=-2) - landmarks[..., below, :].mean(axis=-2)
    width = landmarks[..., left, :] - landmarks[..., right, :]
    return np.linalg.norm(height, axis=-1) / (np.linalg.norm(width, axis=-1) + _TINY)
