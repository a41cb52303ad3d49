"""Directories that others have made hold files of their own, none larger than any model has: no links to elsewhere, no
devices, no pipes.
"""

import itertools
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from kdtalker_jax.checkpoints.formats import CONFIG_FILE, LANDMARKS_FILE, SLIDERS_FILE
from kdtalker_jax.checkpoints.trees import LARGEST
from kdtalker_jax.errors import CheckpointError

LARGEST_CONFIG = 1 << 20  # bytes; the largest of ours is a twentieth of it
_LARGEST_METADATA = 1 << 24  # likewise
_LARGEST_OF = {
    CONFIG_FILE: LARGEST_CONFIG,
    SLIDERS_FILE: 1 << 24,
    LANDMARKS_FILE: 1 << 28,
    **dict.fromkeys(("_METADATA", "_CHECKPOINT_METADATA", "_sharding", "manifest.ocdbt"), _LARGEST_METADATA),
}
_DEEPEST = 8  # folders below a network's
_MOST = 10_000  # files and folders of a model; the published one has some hundred


def check_files(directory: Path, names: Iterable[str]) -> None:
    """Raises CheckpointError where one of these files or folders, or what is below, leads out of the directory or is
    larger than any.

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
            found = target.stat()
        except OSError:  # a link to nothing, or to itself
            found = None
        if found is None or not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise CheckpointError(f"{path} is neither a file nor a folder: copy the model again")
        if stat.S_ISREG(found.st_mode) and found.st_size > _LARGEST_OF.get(path.name, LARGEST):
            raise CheckpointError(f"{path} is larger than that of any model: copy the model again")


def _below(directory: Path, names: Iterable[str]) -> Iterator[Path]:
    """These files and folders, as far as they are there, and all that is in them."""
    waiting = [(directory / name, 0) for name in names if os.path.lexists(directory / name)]
    for number in itertools.count():
        if not waiting:
            return
        path, depth = waiting.pop()
        if depth > _DEEPEST or number > _MOST:
            raise CheckpointError(f"{directory} has more files or deeper folders than any model: copy the model again")
        yield path
        if path.is_dir():  # also behind a link
            waiting += [(Path(entry.path), depth + 1) for entry in os.scandir(path)]
