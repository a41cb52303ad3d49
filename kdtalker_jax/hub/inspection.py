"""What somebody has uploaded is looked at before it is used: names and sizes before it is fetched, all else before it
has its name in the cache.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path

import jax

from kdtalker_jax.checkpoints import (
    CONFIG_FILE,
    LANDMARKS_FILE,
    SLIDERS_FILE,
    Checkpoint,
    load_checkpoint,
    read_description,
)
from kdtalker_jax.checkpoints.contents import LARGEST_CONFIG
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.hub.client import RemoteFile

_NAME = re.compile(r"(?!\.{1,2}$)[\w.-]{1,128}", re.ASCII)  # of a file or folder, as Orbax makes them
_MOST_FILES = 2000  # of a model; the published one has some hundred


def parts_of(config: Path, repository: str) -> dict[str, int]:
    """The bytes of each part's arrays, by what a description says of its sizes. Costs no memory.

    Raises:
        CheckpointError: the description is damaged, or takes parts from another directory.
    """
    described = read_description(config)
    if described.base:
        raise CheckpointError(f"{repository} takes parts from another directory, which nobody else has: do not use it.")
    known = described.system.parts
    if unknown := sorted(described.parts.keys() - known.keys()):
        raise CheckpointError(
            f"{repository} has a part {unknown[0]!r:.80} that its system does not have: do not use it."
        )
    try:
        shapes = {name: jax.tree.leaves(known[name].shapes(described.config)) for name in described.parts}
    except Exception as error:  # whatever Flax and JAX raise on sizes that are each possible, but not together
        raise CheckpointError(f"{repository} has sizes that no network has: do not use it.") from error
    return {name: sum(math.prod(x.shape) * x.dtype.itemsize for x in leaves) for name, leaves in shapes.items()}


def check_listed(repository: str, files: Mapping[str, RemoteFile], parts: Mapping[str, int]) -> None:
    """Refuses files that no model has, by their names and sizes, before any is fetched.

    Args:
        files: by their paths. parts: the bytes of each part's arrays.

    Raises:
        CheckpointError: see above.
    """
    if len(files) > _MOST_FILES:
        raise CheckpointError(f"{repository} has {len(files)} files, more than any model: do not use it.")
    for path in files:
        if not all(map(_NAME.fullmatch, path.split("/"))):
            raise CheckpointError(f"{repository} has a file {path!r:.80}, as no model has: do not use it.")
    for part, size in parts.items():
        listed = sum(file.size for path, file in files.items() if path.split("/")[:2] == ["networks", part])
        if listed == 0:
            raise CheckpointError(f"{repository} has no files of {part}, which its {CONFIG_FILE} names: do not use it.")
        if listed > 2 * size + (1 << 22):
            raise CheckpointError(
                f"{repository} has {listed} bytes of {part}, whose arrays take {size}: do not use it."
            )
    for name in (CONFIG_FILE, SLIDERS_FILE):
        if name in files and files[name].size > LARGEST_CONFIG:
            raise CheckpointError(f"{repository} has a {name} that is larger than any: do not use it.")


def inspect(directory: Path) -> Checkpoint:
    """Reads all that a model has, as one from a stranger: every array of every part, the sums, the landmark file.

    Raises:
        CheckpointError: something is damaged, or not what its configuration says.
    """
    checkpoint = load_checkpoint(directory)
    if not checkpoint.available:
        raise CheckpointError(f"{directory} has no parts")
    for name in checkpoint.available:
        checkpoint.variables(name)
    _ = checkpoint.sliders
    if checkpoint.landmarks and (directory / LANDMARKS_FILE).is_symlink():
        raise CheckpointError(f"{directory / LANDMARKS_FILE} is a link: copy the file itself there")
    return checkpoint
