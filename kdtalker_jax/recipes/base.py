"""The other model that a recipe takes networks from."""

import json
from collections.abc import Iterable
from pathlib import Path

from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.data.extraction import networks_fingerprint
from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.unfinished import unfinished_file


def begin_on(base: Path, workdir: Path, names: Iterable[str]) -> None:
    """Notes in WORKDIR/base.json which networks these are, so that nobody goes on with others.

    Args:
        base: the other model. names: of the parts that are taken from it.

    Raises:
        CheckpointError: it lacks one of them, or takes parts from yet another model; nothing has been written then.
        InputError: the folder was begun on other networks.
    """
    others = load_checkpoint(base)
    if others.base:
        raise CheckpointError(f"{base} takes parts from yet another model: name that one as the base instead")
    others.require(*names)
    file, content = workdir / "base.json", json.dumps({"networks": networks_fingerprint(others, None)})
    if file.exists():
        if file.read_text(encoding="utf-8", errors="replace") != content:
            raise InputError(f"{workdir} was begun on other networks than those of {base}: name another folder.")
        return
    workdir.mkdir(parents=True, exist_ok=True)
    with unfinished_file(file) as unfinished:
        unfinished.write_text(content, encoding="utf-8")
