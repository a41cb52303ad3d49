"""Clips of a data set whose frames have dense landmarks, in the terms of `spaces.landmarks`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kdtalker_jax.data.report import check_system
from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.landmarks.contours import COUNTS
from kdtalker_jax.spaces.landmarks.shapes import held_over
from kdtalker_jax.spaces.landmarks.statistics import LandmarkStatistics, statistics_of

LEAST_PROBABILITY = 0.5  # that a frame shows a face
SYSTEMS = ("dreamhead", "dreamhead_wav2lip")  # whose data sets have landmarks


class _SeenPoints(Sequence[np.ndarray]):
    """Of the frames of clips that show a face: what others hold over says nothing. Read when they are asked for."""

    def __init__(self, clips: Sequence[Mapping[str, Any]]) -> None:
        self._clips = clips

    def __len__(self) -> int:
        return len(self._clips)

    def __getitem__(self, index: int) -> np.ndarray:
        clip = self._clips[range(len(self))[index]]
        return points_of(clip)[sees_face(clip)]


def points_of(clip: Mapping[str, Any]) -> np.ndarray:
    """(F, N, 3) of a clip, in units of its pictures; where no face is seen, those of the frame before.

    Raises:
        InputError: it has none, or shows no face.
    """
    points = np.asarray(clip.get("points", ()), np.float32)
    if points.ndim != 3 or points.shape[1] not in COUNTS or points.shape[2] != 3 or not len(points):
        raise InputError(
            f"The clip {clip['name']} has no landmarks of a face: make the data set with a model of DreamHead."
        )
    seen = sees_face(clip)
    if not seen.any():
        raise InputError(f"The clip {clip['name']} shows no face: make the data set again without it.")
    return held_over(points, seen)


def sees_face(clip: Mapping[str, Any]) -> np.ndarray:
    """(F,) bool: which frames of a clip show a face, as far as it is known."""
    return np.asarray(clip.get("face", np.ones(len(clip["points"])))) >= LEAST_PROBABILITY


def check_landmarks(directory: Path) -> None:
    """Raises InputError where a data set is of another system."""
    check_system(directory, *SYSTEMS)


def clip_statistics(clips: Sequence[Mapping[str, Any]]) -> LandmarkStatistics:
    """Of the clips of a training set, where they show a face. Raises InputError as `statistics_of`."""
    return statistics_of(_SeenPoints(clips), lambda number: f"the clip {clips[number]['name']}")
