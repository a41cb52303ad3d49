"""Poses of a head at certain times, from a table: the head then turns as it says."""

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdtalker_jax.edits.curves import LONGEST, between
from kdtalker_jax.errors import InputError
from kdtalker_jax.media.files import input_file
from kdtalker_jax.spaces.heads import rotation_of

COLUMNS = ("seconds", "yaw", "pitch", "roll")
STEEPEST = 90.0  # degrees
MOST_BYTES = 1 << 26
_EXAMPLE = "write rows of seconds,yaw,pitch,roll such as 1.5,20,0,-5"


@dataclass(frozen=True, eq=False)
class PoseKeyframes:
    """Angles in degrees at some times, as a `Motion` has them: 0 looks straight out of the picture.

    Attributes:
        rows: (N, 4): seconds, yaw, pitch, roll; the earliest first.
        path: of the file that they are from, if any.

    Raises:
        InputError: rows that are none.
    """

    rows: np.ndarray
    path: Path | None = None

    def __post_init__(self) -> None:
        try:
            rows = np.asarray(self.rows, np.float64)
        except (TypeError, ValueError):
            rows = np.empty(0)
        if rows.ndim != 2 or rows.shape[1] != len(COLUMNS) or not len(rows) or not np.isfinite(rows).all():
            raise InputError(f"Pose keyframes are rows of four numbers: {_EXAMPLE}.")
        seconds = rows[:, 0]
        if seconds[0] < 0 or seconds[-1] > LONGEST or (np.diff(seconds) <= 0).any():
            raise InputError("The seconds of pose keyframes must begin at 0 or later and grow from row to row.")
        if np.abs(rows[:, 1:]).max() > STEEPEST:
            raise InputError(f"The angles of pose keyframes must be from {-STEEPEST:g} to {STEEPEST:g} degrees.")
        object.__setattr__(self, "rows", rows)

    def rotations(self, times: np.ndarray) -> np.ndarray:
        """At seconds (T,), smooth between and held before and after: (T, 3, 3)."""
        yaw, pitch, roll = between([(row[0], row[1:]) for row in self.rows], times).T
        return rotation_of(pitch, yaw, roll)


def read_poses(path: str | os.PathLike[str]) -> PoseKeyframes:
    """Reads a `.csv` file with a row for each keyframe, and with or without a first row that names the columns.

    Raises:
        InputError: it is missing, no such table, or has rows that are none.
    """
    path = input_file(path, "pose file")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path} is no table of poses: {_EXAMPLE}.")
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no table of poses: {_EXAMPLE}.") from error
    numbered = [(number, cells) for number, cells in enumerate(lines, 1) if any(cell.strip() for cell in cells)]
    numbered = [(number, cells) for number, cells in numbered if not cells[0].lstrip().startswith("#")]
    columns = list(COLUMNS)
    if numbered and not _is_number(numbered[0][1][0]):
        columns = [cell.strip().lower() for cell in numbered.pop(0)[1]]
        if sorted(columns) != sorted(COLUMNS):
            raise InputError(f"The columns of {path} must be seconds, yaw, pitch and roll, not {', '.join(columns)}.")
    rows = []
    for number, cells in numbered:
        if len(cells) != len(COLUMNS) or not all(map(_is_number, cells)):
            raise InputError(f"Row {number} of {path} is no pose: {_EXAMPLE}.")
        row = dict(zip(columns, map(float, cells), strict=True))
        rows.append([row[column] for column in COLUMNS])
    try:
        return PoseKeyframes(np.array(rows).reshape(-1, len(COLUMNS)), path)
    except InputError as error:
        raise InputError(f"The pose file {path} cannot be used: {error}") from None


def _is_number(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False
