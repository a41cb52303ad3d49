"""Directories that others have made hold files of their own: no links to elsewhere, no devices, no pipes."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from kdtalker_jax.errors import CheckpointError


def check_links(directory: Path, names: Iterator[str]) -> None:
    """Raises CheckpointError where one of these files or folders, or what is below, leads out of the directory.

    Links that stay inside are as good as files. So are those of huggingface_hub's own cache, where a snapshot's files
    lie beside it.
    """
    inside = [directory.resolve()]
    if directory.resolve().parent.name == "snapshots":
        inside.append(directory.resolve().parents[1] / "blobs")
    for path in _below(directory, names):
        target = Path(os.path.realpath(path))
        if not any(target.is_relative_to(folder) for folder in inside):
            raise CheckpointError(f"{path} leads out of the model's folder: put the file itself there")
        try:
            kind = target.stat().st_mode
        except OSError:  # a link to nothing, or to itself
            kind = 0
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            raise CheckpointError(f"{path} is neither a file nor a folder: copy the model again")


def _below(directory: Path, names: Iterator[str]) -> Iterator[Path]:
    for name in names:
        if os.path.lexists(directory / name):
            yield directory / name
        for folder, folders, files in os.walk(directory / name):
            yield from (Path(folder) / entry for entry in (*folders, *files))
