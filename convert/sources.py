"""Finds the published files in whatever way they were downloaded."""

import hashlib
from pathlib import Path, PurePosixPath

from convert.tables import TABLES
from kdtalker_jax.checkpoints import LANDMARKS_FILE
from kdtalker_jax.errors import CheckpointError

EXPORTED = ".safetensors"  # the suffix of files that `convert.export` writes
LANDMARKS = f"ckpts/{LANDMARKS_FILE}"


def find_sources(directory: Path, names: list[str]) -> dict[str, Path]:
    """The file of each network, by name.

    Looks in the published tree, then in ever flatter ones (`base_models/x.pth`, `x.pth`), for .pth before .safetensors.

    Raises:
        CheckpointError: the folder or one of the files is missing; says where was looked.
    """
    if not directory.is_dir():
        raise CheckpointError(f"{directory} is not a folder: name the one that holds the downloaded files")
    found = {name: find_source(directory, name) for name in names}
    missing = [name for name in names if found[name] is None]
    if missing:
        raise CheckpointError("\n".join([f"{directory} lacks files:", *map(_describe_missing, missing)]))
    return found


def find_source(directory: Path, name: str) -> Path | None:
    """The file of one network, if it is there."""
    return find(directory, [TABLES[name].file + suffix for suffix in _suffixes(name)])


def find(directory: Path, files: list[str]) -> Path | None:
    """The first of the published paths that exists, each with fewer and fewer of its folders."""
    return next((path for file in files for tail in _tails(file) if (path := directory / tail).exists()), None)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _describe_missing(name: str) -> str:
    looked = ", ".join(str(tail.parent) for tail in _tails(TABLES[name].file))
    file = PurePosixPath(TABLES[name].file).name
    return f"  {name}: no {file}{' or '.join(_suffixes(name))} in any of {looked}"


def _suffixes(name: str) -> tuple[str, str]:
    return TABLES[name].suffix, EXPORTED


def _tails(file: str) -> list[PurePosixPath]:
    parts = PurePosixPath(file).parts
    return [PurePosixPath(*parts[i:]) for i in range(len(parts))]
