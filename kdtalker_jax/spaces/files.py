"""Files of motions, of any space: `.npz` with one array per attribute and the version of the format."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import jax
import numpy as np

from kdtalker_jax.errors import InputError, OutputError
from kdtalker_jax.media.files import input_file, output_file
from kdtalker_jax.unfinished import unfinished_file

FORMAT_VERSION = 1
LARGEST_FILE = 2**30  # bytes once unpacked, a day of motion: a file that claims more is not one of ours

Motion = TypeVar("Motion")


def as_float32(value: np.ndarray | jax.Array, name: str) -> np.ndarray:
    """An array of a motion. Raises InputError where it holds no real numbers."""
    value = np.asarray(value)
    if value.dtype.kind not in "fiu":
        raise InputError(f"The motion's {name} must be real numbers, not {value.dtype}.")
    with np.errstate(over="ignore"):  # to infinity, which is refused
        return value.astype(np.float32)


def motion_output(
    path: str | os.PathLike[str],
    inputs: Iterable[str | os.PathLike[str]],
    outputs: Iterable[str | os.PathLike[str]] = (),
) -> Path:
    """`media.files.output_file` for a motion, whose name ends in .npz. Raises OutputError."""
    found = output_file(path, "motion", inputs, outputs)
    if found.suffix.lower() != ".npz":
        raise OutputError(f"The name of a motion ends in .npz: {path} does not.")
    return found


def write_arrays(path: str | os.PathLike, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a motion file, which may hold more than a motion's arrays.

    Raises:
        OutputError: the file cannot be written. What was there before is then still there.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished_file(path) as partial, partial.open("wb") as file:
            np.savez(file, version=FORMAT_VERSION, **arrays)
    except OSError as error:
        raise OutputError(f"The motion cannot be written to {path} ({error.strerror}).") from error


def load_motion(
    path: str | os.PathLike, kind: Callable[..., Motion], needed: Sequence[str], optional: Sequence[str]
) -> Motion:
    """Read a file that `kind.save` wrote. Nothing in the file is run.

    Raises:
        InputError: missing file, not a file of this kind of motion, damaged, or of a newer version.
    """
    path = input_file(path, "motion file")
    arrays = _read_arrays(path, kind.__name__, needed, optional)
    try:
        return kind(**arrays)
    except InputError as error:
        raise InputError(f"The motion file {path} cannot be used: {error}") from None


def _read_arrays(path: Path, kind: str, needed: Sequence[str], optional: Sequence[str]) -> dict[str, np.ndarray]:
    """The numeric arrays of a motion file by name."""
    not_ours = f"{path} is not a motion file: give a .npz file that {kind}.save has written."
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:  # NumPy leaves a bad zip open
            if sum(entry.file_size for entry in file.zip.infolist()) > LARGEST_FILE:
                raise ValueError("unpacks to too much")
            arrays = {name: np.asarray(file[name]) for name in file.files if name in (*needed, *optional)}
            version = int(file["version"])
    except Exception as error:  # whatever numpy, zipfile and zlib raise on bytes that they did not write
        raise InputError(not_ours) from error
    if version > FORMAT_VERSION:
        raise InputError(f"The motion file {path} is of the newer format {version}: update this program to read it.")
    if set(needed) - arrays.keys() or any(array.dtype.kind not in "fiu" for array in arrays.values()):
        raise InputError(not_ours)
    return arrays
