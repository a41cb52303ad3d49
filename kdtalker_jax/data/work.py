"""Many files -> many clips: one file of results for each, so that work can stop, go on, and spread over machines.

    WORK/<key>.npz      the clip, if it is one
    WORK/<key>.json     written last: the clip's name, and its length and moments, or why there is none

A key says which file was read, in which state, and how: what is there under a key need never be made again.
"""

import hashlib
import json
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from kdtalker_jax.data.clips import Clip
from kdtalker_jax.data.extraction import SkippedClipError
from kdtalker_jax.data.statistics import Moments, clip_moments
from kdtalker_jax.errors import InputError, KDTalkerError
from kdtalker_jax.media.files import files_below
from kdtalker_jax.records import read_json
from kdtalker_jax.unfinished import unfinished_file

FORMAT = 1
FAILED = "failed"  # a fault of the program or machine, so tried again by the next run


class ClipMaker(Protocol):
    """Makes a clip of a file, perhaps with `notes` beside its fields. Can be pickled; loads what it needs late."""

    system: str  # whose networks describe it
    fingerprint: str  # of everything but the file, and what is known of it alone, that the clip depends on

    def __call__(self, path: Path) -> Clip: ...


@dataclass(frozen=True)
class Task:
    """One file to make a clip of, and where the results go."""

    name: str
    path: Path
    result: Path  # without suffix


@dataclass(frozen=True)
class Outcome:
    """What became of a file: moments and notes where it gave a clip, otherwise a kind of reason and a sentence."""

    name: str
    file: Path  # of the clip
    frames: int = 0
    moments: dict[str, Moments] | None = None
    notes: Sequence[str] = ()
    reason: str = ""
    explanation: str = ""


def find_files(directory: Path, suffix: str = "") -> list[Path]:
    """The files below a folder whose names end like that, sorted; none that are hidden.

    Raises:
        InputError: the folder does not exist or has no such file.
    """
    if not directory.is_dir():
        raise InputError(f"{directory} is not a folder: name the one that holds the files.")
    files = [path for path in files_below(directory) if path.name.lower().endswith(suffix)]
    if not files:
        raise InputError(f"There are no {suffix or 'video'} files in {directory}.")
    return files


def make_tasks(
    directory: Path,
    files: Iterable[Path],
    work: Path,
    fingerprint: str,
    labels: Mapping[Path, Sequence[int | float]] | None = None,
) -> list[Task]:
    """One task for each file, by its path relative to `directory`: no two clips share a name.

    Args:
        fingerprint: of the maker. labels: what else the clips of some files depend on, those of each on its own alone.
    """
    tasks = []
    for path in files:
        name = path.relative_to(directory).as_posix().encode("utf-8", "backslashreplace").decode()
        state = path.stat()
        key = json.dumps([FORMAT, fingerprint, name, state.st_size, state.st_mtime_ns, *(labels or {}).get(path, ())])
        tasks.append(Task(name, path, work / hashlib.sha256(key.encode()).hexdigest()[:32]))
    return tasks


def carry_out(task: Task, make: ClipMaker) -> None:
    """Make the clip and write what became of it, unless an earlier run has.

    Whatever is wrong with the file is written down too, and never raised.

    Raises:
        CheckpointError: the networks or the landmark predictor cannot be loaded.
        OSError: the results cannot be written.
    """
    outcome = read_outcome(task)
    if outcome is None or outcome.reason == FAILED:
        _write_outcome(task, _make_and_keep(task, make))


def _make_and_keep(task: Task, make: ClipMaker) -> dict[str, Any]:
    """Write the clip, if it becomes one; returns the fields of its outcome."""
    try:
        clip = make(task.path)
    except InputError as error:
        reason = error.reason if isinstance(error, SkippedClipError) else "unreadable"
        return {"reason": reason, "explanation": str(error)}
    except KDTalkerError:
        raise
    except Exception as error:  # one bad file never stops the run
        last = traceback.extract_tb(error.__traceback__)[-1]
        explanation = f"{type(error).__name__}: {error} ({Path(last.filename).name}, line {last.lineno})"
        return {"reason": FAILED, "explanation": explanation}
    notes = clip.pop("notes", [])
    _write(task.result.with_suffix(".npz"), lambda file: np.savez(file, **_to_arrays(clip)))
    moments = {
        name: [part.count, part.mean.tolist(), part.deviations.tolist()] for name, part in clip_moments(clip).items()
    }
    return {"frames": clip["frames"], "moments": moments, "notes": notes}


def read_outcome(task: Task) -> Outcome | None:
    """What became of a task; None if it has not been carried out, or its result is damaged."""
    try:
        content = read_json(task.result.with_suffix(".json"))
        if moments := content.get("moments"):
            content["moments"] = {
                name: Moments(count, np.array(mean, np.float64), np.array(deviations, np.float64))
                for name, (count, mean, deviations) in moments.items()
            }
        return Outcome(name=task.name, file=task.result.with_suffix(".npz"), **content)
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return None


def read_outcomes(tasks: Sequence[Task]) -> list[Outcome]:
    """What became of tasks that were all carried out.

    Raises:
        InputError: of some there is nothing here: other machines did them, whose folder of that name is not this one.
    """
    outcomes = [outcome for outcome in map(read_outcome, tasks) if outcome is not None]
    if missing := len(tasks) - len(outcomes):
        raise InputError(
            f"{missing} of {len(tasks)} files were worked on and left nothing in {tasks[0].result.parent}: all workers "
            "need the data set's folder under the same path."
        )
    return outcomes


def read_clip(file: Path) -> Clip:
    """A clip that `carry_out` has written."""
    with np.load(file, allow_pickle=False) as arrays:
        clip = dict(arrays)
    ends = np.cumsum(clip.pop("jpeg_sizes"))
    joined = clip.pop("jpeg").tobytes()
    jpeg = [joined[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=False)]
    return {**clip, "frames": int(clip["frames"]), "source_rate": float(clip["source_rate"]), "jpeg": jpeg}


def _to_arrays(clip: Clip) -> dict[str, Any]:
    sizes = np.array([len(jpeg) for jpeg in clip["jpeg"]], np.int64)
    return {**clip, "jpeg": np.frombuffer(b"".join(clip["jpeg"]), np.uint8), "jpeg_sizes": sizes}


def _write_outcome(task: Task, content: Mapping[str, Any]) -> None:
    text = json.dumps(content)
    _write(task.result.with_suffix(".json"), lambda file: file.write(text.encode()))


def _write(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Whatever has the final name is whole, also if two workers write the same."""
    with unfinished_file(path) as partial, partial.open("wb") as file:
        write(file)
