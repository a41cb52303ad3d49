"""Mean and standard deviation of the motion over any number of clips, in one pass, in any order of merging."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from kdtalker_jax.data.report import check_system
from kdtalker_jax.errors import InputError
from kdtalker_jax.records import UnknownSettingError, from_json, read_json
from kdtalker_jax.spaces.statistics import MotionStatistics

QUANTITIES = ("scale", "yaw", "pitch", "roll", "t", "exp", "kp")
NO_QUANTITY = ("audio", "emotion", "intensity")
STATISTICS_FILE = "statistics.json"


@dataclass(frozen=True, eq=False)
class Moments:
    """Of N rows of D numbers: how many, their mean, and their squared deviations from it, summed; (D,) float64 each."""

    count: int
    mean: np.ndarray
    deviations: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> "Moments":
        """Of an array (N, ...), N at least 1."""
        rows = np.reshape(rows, (len(rows), -1)).astype(np.float64)  # (N, D)
        mean = rows.mean(axis=0)
        return cls(len(rows), mean, np.square(rows - mean).sum(axis=0))

    def merge(self, other: "Moments") -> "Moments":
        """Of both sets of rows together (Chan, Golub & LeVeque 1979, "Updating formulae", equation 1.5)."""
        count = self.count + other.count
        difference = other.mean - self.mean
        mean = self.mean + difference * other.count / count
        between = np.square(difference) * self.count * other.count / count
        return Moments(count, mean, self.deviations + other.deviations + between)

    @property
    def std(self) -> np.ndarray:
        """(D,) population standard deviation; 1 for what never varies, so that it can be divided by."""
        std = np.sqrt(self.deviations / self.count).astype(np.float32)
        return np.where(std == 0, np.float32(1), std)


ClipMoments = Mapping[str, Moments]  # by quantity


def clip_moments(clip: Mapping[str, Any]) -> dict[str, Moments]:
    """Of every quantity that the clip has for each of its frames, but for what is heard and what is a label."""
    arrays = {name: value for name, value in clip.items() if isinstance(value, np.ndarray) and name not in NO_QUANTITY}
    shown = [name for name, value in arrays.items() if value.shape[:1] == (clip["frames"],)]
    return {name: Moments.of(clip[name]) for name in sorted(shown, key=_place)}


def _place(name: str) -> tuple[int, str]:
    """KDTalker's quantities in their order, then others."""
    return (QUANTITIES.index(name) if name in QUANTITIES else len(QUANTITIES), name)


def mean_and_std(clips: Iterable[ClipMoments]) -> dict[str, tuple[float, ...]]:
    """`<quantity>_mean` and `<quantity>_std` of at least one clip; each frame counts alike."""
    total = reduce(lambda a, b: {name: part.merge(b[name]) for name, part in a.items()}, clips)
    kinds = ("mean", "std")
    return {f"{name}_{kind}": _floats(getattr(part, kind)) for name, part in total.items() for kind in kinds}


def motion_statistics(clips: Iterable[ClipMoments]) -> MotionStatistics:
    """`mean_and_std` of clips of KDTalker."""
    return MotionStatistics(**mean_and_std(clips))


def read_published_statistics(path: Path) -> MotionStatistics:
    """Read the published `norm.npz`. Nothing in the file is run.

    Raises:
        InputError: the file is missing, or lacks a quantity.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return MotionStatistics(**{field.name: _floats(file[field.name]) for field in fields(MotionStatistics)})
    except KeyError as error:
        raise InputError(
            f"{path} lacks {error.args[0].split()[0]}: give the norm.npz that belongs to the data."
        ) from error
    except Exception as error:  # whatever numpy and zipfile raise on bytes that they did not write
        raise InputError(f"{path} cannot be read as statistics: give the norm.npz that belongs to the data.") from error


def save_statistics(path: Path, statistics: MotionStatistics | Mapping[str, Sequence[float]]) -> None:
    content = asdict(statistics) if isinstance(statistics, MotionStatistics) else statistics
    path.write_text(json.dumps(content, indent=1, allow_nan=False), encoding="utf-8")


def load_statistics(directory: str | Path) -> MotionStatistics:
    """The statistics of a data set's training split.

    Raises:
        InputError: the folder is not a data set, or one of another system, or its statistics are damaged.
    """
    path = Path(directory) / STATISTICS_FILE
    if not path.is_file():
        raise InputError(
            f"{directory} is not a data set (no {STATISTICS_FILE} in it): make one with pipelines.extract."
        )
    check_system(directory, "kdtalker")
    try:
        return from_json(MotionStatistics, read_json(path))
    except (OSError, ValueError, UnknownSettingError) as error:
        raise InputError(f"{path} is damaged ({error}): make the data set again with pipelines.extract.") from error


def _floats(values: np.ndarray) -> tuple[float, ...]:
    """float32, as published: JSON keeps every digit of it."""
    return tuple(float(value) for value in np.ravel(values).astype(np.float32))
