"""What people feel in videos, from a table that the user brings; a data set keeps it beside the motion."""

import csv
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kdtalker_jax.checks import nearest
from kdtalker_jax.data.clips import Clip
from kdtalker_jax.data.work import ClipMaker
from kdtalker_jax.emotions import EMOTIONS
from kdtalker_jax.errors import InputError

_COLUMNS = ("file", "emotion", "intensity")


class Label(NamedTuple):
    """Of a whole video."""

    emotion: int = -1  # of EMOTIONS; -1 where nobody knows
    intensity: float = 0.0


def read_labels(table: Path, directory: Path, files: Iterable[Path]) -> dict[Path, Label]:
    """The labels of some of the files, by a CSV table with the columns file, emotion and, if it likes, intensity.

    Args:
        table: names files as they lie below the directory, and emotions of EMOTIONS; an intensity, from 0 to 1, is 1
            where none is given.
        directory: of the files.

    Raises:
        InputError: it cannot be read, or a line of it names a file or an emotion that there is not, or one file twice.
    """
    known, labels = {path.relative_to(directory).as_posix(): path for path in files}, {}
    try:
        with table.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines)
            if not {"file", "emotion"} <= set(rows.fieldnames or ()) <= set(_COLUMNS):
                raise InputError(f"The first line of {table} must be file,emotion or file,emotion,intensity.")
            for row in rows:
                where = f"{table}, line {rows.line_num}"
                name = (row["file"] or "").strip()
                if name not in known:
                    raise InputError(f"{where}: there is no video {name!r} in {directory}.")
                if known[name] in labels:
                    raise InputError(f"{where}: {name} has a label already.")
                labels[known[name]] = _label(where, row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table} cannot be read as a table ({getattr(error, 'strerror', None) or error}).") from error
    return labels


def _label(where: str, row: Mapping[str, str | None]) -> Label:
    emotion = (row["emotion"] or "").strip().lower()
    if emotion not in EMOTIONS:
        raise InputError(f"{where}: there is no emotion {emotion!r}{nearest(emotion, EMOTIONS)}")
    text = (row.get("intensity") or "1").strip()
    try:
        intensity = float(text)
    except ValueError:
        intensity = -1.0
    if not 0 <= intensity <= 1:
        raise InputError(f"{where}: an intensity is a number from 0 to 1, not {text!r}.")
    return Label(EMOTIONS.index(emotion), intensity)


class LabelledClips:
    """Clips of another maker, with `emotion` and `intensity` (a `work.ClipMaker`).

    The labels are no part of the fingerprint: `work.make_tasks` takes them, so that one that is corrected has one video
    described again.
    """

    def __init__(self, make: ClipMaker, labels: Mapping[Path, Label]) -> None:
        self._make, self._labels, self.system = make, dict(labels), make.system
        self.fingerprint = hashlib.sha256(f"{make.fingerprint} labelled".encode()).hexdigest()

    def __call__(self, path: Path) -> Clip:
        label = self._labels.get(path, Label())
        return {
            **self._make(path),
            "emotion": np.array([label.emotion], np.int8),
            "intensity": np.array([label.intensity], np.float32),
        }
