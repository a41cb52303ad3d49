"""Finds the published files in whatever way they were downloaded."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from convert.rules import Table
from convert.tables import table_of
from kdtalker_jax.checkpoints import LANDMARKS_FILE
from kdtalker_jax.errors import CheckpointError

if TYPE_CHECKING:
    from kdtalker_jax.parts import Part

EXPORTED = ".safetensors"  # the suffix of files that `convert.export` writes
LANDMARKS = f"ckpts/{LANDMARKS_FILE}"


def find_sources(directory: Path, parts: Iterable["Part"]) -> dict[str, Path]:
    """The file of each network, by its name.

    Looks in the published tree, then in ever flatter ones (`base_models/x.pth`, `x.pth`), for .pth before .safetensors.

    Raises:
        CheckpointError: the folder or one of the files is missing; says where was looked.
    """
    if not directory.is_dir():
        raise CheckpointError(f"{directory} is not a folder: name the one that holds the downloaded files")
    found = {part.name: find_source(directory, part) for part in parts}
    missing = [part for part in parts if found[part.name] is None]
    if missing:
        raise CheckpointError("\n".join([f"{directory} lacks files:", *map(_describe_missing, missing)]))
    return found


def find_source(directory: Path, part: "Part") -> Path | None:
    """The file of one network, if it is there."""
    if not part.rules:
        return None
    table = table_of(part)
    return find(directory, [table.file + suffix for suffix in _suffixes(table)])


def find(directory: Path, files: list[str]) -> Path | None:
    """The first of the published paths that exists, each with fewer and fewer of its folders."""
    return next((path for file in files for tail in _tails(file) if (path := directory / tail).exists()), None)


def _describe_missing(part: "Part") -> str:
    table = table_of(part)
    looked = ", ".join(str(tail.parent) for tail in _tails(table.file))
    file = PurePosixPath(table.file).name
    return f"  {part.name}: no {file}{' or '.join(_suffixes(table))} in any of {looked}"


def _suffixes(table: Table) -> tuple[str, str]:
    return table.suffix, EXPORTED


def _tails(file: str) -> list[PurePosixPath]:
    parts = PurePosixPath(file).parts
    return [PurePosixPath(*parts[i:]) for i in range(len(parts))]
