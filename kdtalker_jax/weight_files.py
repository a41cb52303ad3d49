"""Files of arrays by their names that users bring: .safetensors and .npz, neither of which can carry code."""

import os
from pathlib import Path

import numpy as np
import safetensors.numpy

from kdtalker_jax.errors import InputError


def read_weights(file: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Raises InputError where the file cannot be read as either."""
    path = Path(file)
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return dict(arrays)
        return safetensors.numpy.load_file(path)
    except Exception as error:  # whatever both raise on bytes that are not theirs
        raise InputError(f"{path} cannot be read as weights ({error}): give a .safetensors or .npz file.") from error
