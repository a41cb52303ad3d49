"""Looking at a user's files before they are read or written. Only content is trusted, never names and extensions."""

import os
import stat
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from kdtalker_jax.errors import InputError, OutputError
from kdtalker_jax.unfinished import unfinished_folder

_PICTURE_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP  ")
_RECORDING_STARTS = (b"fLaC", b"OggS", b"ID3", b"FORM", b"caff", b".snd", b"RF64", b"FLV", b"\x1aE\xdf\xa3", b"0&\xb2u")
_RIFF_RECORDINGS = (b"WAVE", b"AVI ")
_STILL_BRANDS = (b"avif", b"avis", b"mif1", b"msf1")  # HEIF pictures share the box structure of mp4 recordings
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc")


def input_file(path: str | os.PathLike[str], role: str) -> Path:
    """Return `path` if it is a regular, readable file that holds something; `role` ("picture") names it in errors.

    Raises:
        InputError: the file is missing, empty, a folder, a pipe or device, or may not be read.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise InputError(f"The {role} {path} does not exist.")
        if path.is_dir():
            raise InputError(f"The {role} {path} is a folder; name a file in it.")
        if not path.is_file():
            raise InputError(f"The {role} {path} is not a regular file; save it as one first.")
        with path.open("rb") as file:
            if not file.read(1):
                raise InputError(f"The {role} {path} is empty.")
    except (OSError, ValueError) as error:  # no permission, a name that is too long, a null character
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"The {role} {str(path)!r} cannot be read: {reason}.") from error
    return path


def files_below(directory: Path) -> list[Path]:
    """The files in a folder and the folders below it, sorted; none that are hidden. Links to folders are followed."""
    files, seen = [], set()
    for folder, folders, names in os.walk(directory, followlinks=True):
        if (place := os.path.realpath(folder)) in seen:  # a link back to where we come from
            folders.clear()
            continue
        seen.add(place)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(folder, name) for name in names if not name.startswith(".")]
    return sorted(path for path in files if path.is_file())


def output_file(
    path: str | os.PathLike[str],
    role: str,
    inputs: Iterable[str | os.PathLike[str]] = (),
    outputs: Iterable[str | os.PathLike[str]] = (),
) -> Path:
    """Make sure, before any heavy work, that a file can be written to `path`; creates its folder.

    Args:
        path: the file to be. `role` ("output") names it in errors.
        inputs: files that it must not replace, and folders whose files it must not.
        outputs: what else is to be written.

    Returns:
        `path`, absolute.

    Raises:
        OutputError: a folder, an input or another output has that name, or it cannot be written.
    """
    path = Path(path)
    try:
        path = path.absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished_folder(path) as folder:  # tried, name and all: permission bits say little to root
            (folder / path.name).touch()
        if not _is_free(path):
            raise OutputError(f"The {role} {path} exists and is not a file; choose another name.")
        keep_inputs(path, inputs, role)
        twice = any(_same_place(path, Path(item)) for item in outputs)
    except (FileExistsError, NotADirectoryError) as error:
        raise cannot_write(path, "a part of its folder's name is a file", role) from error
    except (OSError, ValueError) as error:  # ValueError: a null character
        raise cannot_write(path, error, role) from error
    if twice:
        raise OutputError(
            f"The {role} {path} has the name of another output and would replace it; choose another name."
        )
    return path


def keep_inputs(path: Path, inputs: Iterable[str | os.PathLike[str]], role: str = "output") -> None:
    """Raises OutputError where writing to `path` would replace an input, or a file of a folder that is one."""
    if any(_replaces(path, Path(item)) for item in inputs):
        raise OutputError(f"The {role} {path} is also an input and would be lost; choose another name.")


def cannot_write(path: Path, why: Exception | str, role: str = "output") -> OutputError:
    """The error to raise when writing fails."""
    reason = str(getattr(why, "strerror", None) or why).rstrip(".")
    return OutputError(f"The {role} {path} cannot be written: {reason}.")


def _replaces(output: Path, item: Path) -> bool:
    """Whether writing the output would replace this file, or a file in this folder."""
    if not (output.exists() and item.exists()):
        return False
    return output.samefile(item) or (item.is_dir() and output.resolve().is_relative_to(item.resolve()))


def _same_place(output: Path, other: Path) -> bool:
    """Whether two outputs become one file, also through links and where case and accents are written differently."""
    if output.exists() and other.exists():
        return output.samefile(other)
    output, other = output.resolve(), other.resolve()
    names = {unicodedata.normalize("NFKC", path.name).casefold() for path in (output, other)}
    return len(names) == 1 and other.parent.exists() and output.parent.samefile(other.parent)


def _is_free(path: Path) -> bool:
    """Whether `path` names an ordinary file or nothing at all."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


def looks_like_heic(path: Path) -> bool:
    """Whether the file starts as a HEIC photo, which phones make and few programs read."""
    start = _start(path)
    return start[4:8] == b"ftyp" and start[8:12] in _HEIC_BRANDS


def looks_like_picture(path: Path) -> bool:
    """Whether the file starts as a picture of a common format."""
    start = _start(path)
    if start[4:8] == b"ftyp":
        return start[8:12] in _STILL_BRANDS + _HEIC_BRANDS
    return start.startswith(_PICTURE_STARTS) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")


def looks_like_recording(path: Path) -> bool:
    """Whether the file starts as an audio or video file of a common format."""
    start = _start(path)
    if start[4:8] == b"ftyp":
        return not looks_like_picture(path)
    riff = start[:4] == b"RIFF" and start[8:12] in _RIFF_RECORDINGS
    return riff or start.startswith(_RECORDING_STARTS) or _is_mpeg_audio(start)


def _is_mpeg_audio(start: bytes) -> bool:
    """An MPEG audio or ADTS frame header: eleven ones, then fields that must not hold their reserved values."""
    if len(start) < 4 or start[0] != 0xFF or start[1] & 0xE0 != 0xE0:
        return False
    if start[1] & 0xF6 == 0xF0:  # ADTS (raw AAC)
        return True
    version, layer, bitrate, rate = start[1] >> 3 & 3, start[1] >> 1 & 3, start[2] >> 4, start[2] >> 2 & 3
    return version != 1 and layer in (1, 2) and bitrate != 15 and rate != 3


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)
