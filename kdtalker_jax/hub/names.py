"""What the name of a model means: one of the package, a published one, one on the hub, or a directory."""

import os
import re
import warnings
from pathlib import Path

from kdtalker_jax import demo
from kdtalker_jax.checkpoints.converted import CONFIG_FILE
from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.hub.client import MAIN
from kdtalker_jax.hub.registry import find_published, published_models

HUB = "hf:"
_LONGEST = 96  # characters of a repository's name, by the hub's rule
_ON_HUB = re.compile(r"([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", re.ASCII)


def find_model(name: str | os.PathLike[str], *, accept_licence: bool = False, upgrade: bool = False) -> Path:
    """The directory of a model; what is not in the user's cache yet is fetched, converted and kept there.

    Args:
        name: one of `demo.MODELS`, which are in the package; "published", or another one of
            `registry.published_models`; "hf:owner/name" or "hf:owner/name@revision", a directory that somebody has
            uploaded; or a directory.
        accept_licence: the licences of what is fetched are accepted, nobody need be asked.
        upgrade: fetch it anew, as it is on the hub today.

    Raises:
        InputError: no model has that name, or its licences were not accepted. CheckpointError: it cannot be fetched, or
            is damaged. OutputError: the cache cannot be written.
    """
    from kdtalker_jax.hub import installing  # fetches, which most calls do not

    name = os.fspath(name)
    how = {"accept_licence": accept_licence, "upgrade": upgrade}
    # Folders need nothing of `configs`, in whose place Python may find somebody else's.
    published = None if name in demo.MODELS or "/" in name else find_published(name)
    if name in demo.MODELS or published:
        if (Path(name) / CONFIG_FILE).is_file():
            warnings.warn(
                f"{name} is taken as the folder of that name here, not the model: {_apart(name)}.", stacklevel=2
            )
            return Path(name)
        return installing.install_published(published, **how) if published else demo.MODELS[name]
    if name.startswith(HUB):
        repository, revision = split_hub_name(name)
        _refuse_published(repository)
        return installing.install_uploaded(name, repository, revision, **how)
    if not os.path.lexists(name):
        if match := _ON_HUB.fullmatch(name):
            _refuse_published(match[1])
        if Path(name).name == name:
            raise CheckpointError(
                f"{name} does not exist as a folder, and no model has that name: there are {', '.join(model_names())}, "
                "and hf:owner/name for those on the hub."
            )
    return Path(name)


def split_hub_name(name: str) -> tuple[str, str]:
    """Repository and revision of "hf:owner/name@revision". Raises InputError where it is not of that form."""
    match = _ON_HUB.fullmatch(name.removeprefix(HUB))
    if not name.startswith(HUB) or not match or ".." in name or len(match[1]) > _LONGEST:
        raise InputError(f"{name!r:.100} is no model on the hub: write hf:owner/name, or hf:owner/name@revision.")
    return match[1], match[2] or MAIN


def model_names() -> tuple[str, ...]:
    """Those that can be asked for without knowing of a repository or directory."""
    return (*demo.MODELS, *(model.name for model in published_models()))


def _refuse_published(repository: str) -> None:
    for model in published_models():
        if repository in model.repositories:
            raise CheckpointError(
                f"{repository} has files as their authors publish them: ask for {model.name!r}, which fetches and "
                "converts them."
            )


def _apart(name: str) -> str:
    return f"write ./{name} for the folder, and rename it for the model"
