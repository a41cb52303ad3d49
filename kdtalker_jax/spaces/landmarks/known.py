"""Landmarks of a picture that somebody knows already, so that nobody has to look for them."""

import os

import numpy as np

from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.landmarks.contours import CONTOUR_SET, COUNTS
from kdtalker_jax.weight_files import read_arrays

FIELD = "points"  # the array of a file
LEAST_SPAN = 4.0  # pixels: parts of a picture's side, as detectors give them, are within 1 or 2


def known_landmarks(given: str | os.PathLike[str] | np.ndarray, points: int) -> np.ndarray:
    """As many of them as a model wants.

    Args:
        given: (N, 3), N is 162 or 478, or an .npz or .safetensors file with that as `points`: x and y in pixels of the
            picture, from its upper left corner, and z in the same unit, smaller towards the viewer.
        points: how many the model wants.

    Returns:
        float64 (points, 3).

    Raises:
        InputError: it is something else, in another unit, or has fewer than the model wants.
    """
    name, array = "The landmarks", given
    if isinstance(given, (str, os.PathLike)):
        name, array = f"The landmarks in {given}", read_arrays(given, "landmarks").get(FIELD)
        if array is None:
            raise InputError(f"{given} has no {FIELD} in it: give landmarks (N, 3) by that name.")
    array = np.asarray(array)
    if array.dtype.kind not in "fiu" or array.ndim != 2 or array.shape[1] != 3 or len(array) not in COUNTS:
        counts = " or ".join(map(str, COUNTS))
        raise InputError(f"{name} must be numbers of the shape ({counts}, 3), not {array.dtype} {array.shape}.")
    if not np.isfinite(array).all() or np.abs(array).max() > 1e6:
        raise InputError(f"{name} are no places in a picture.")
    if np.ptp(array[:, :2], axis=0).max() < LEAST_SPAN:
        raise InputError(f"{name} lie within {LEAST_SPAN} pixels: give x and y in pixels of the picture.")
    if len(array) < points:
        raise InputError(f"{name} are {len(array)}, and this model wants {points}.")
    kept = slice(None) if len(array) == points else np.array(CONTOUR_SET)
    return array.astype(np.float64)[kept]


def in_pixels(points: np.ndarray, size: int) -> np.ndarray:
    """Landmarks (N, 3) as the space has them -> of a square picture, as `known_landmarks` takes them."""
    return (points * (1, 1, -1) + (1, 1, 0)) * (size / 2)
