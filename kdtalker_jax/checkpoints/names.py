"""Models that have a name: where a folder is asked for, a name does."""

import os
from collections.abc import Mapping
from pathlib import Path

from kdtalker_jax import demo
from kdtalker_jax.checkpoints.formats import CONFIG_FILE

BUNDLED: Mapping[str, Path] = {"demo": demo.MODEL}


def model_folder(name: str | os.PathLike[str]) -> Path:
    """The folder of a model by its name or its path. A folder of that name that holds a model goes first."""
    folder = Path(name)
    there = (folder / CONFIG_FILE).is_file()
    return folder if there else BUNDLED.get(os.fspath(name), folder)
