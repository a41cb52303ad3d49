"""Files of arrays by their names that users bring: .safetensors and .npz, neither of which can carry code."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.numpy

from kdtalker_jax.errors import InputError


def read_arrays(file: str | os.PathLike[str], what: str = "weights") -> dict[str, np.ndarray]:
    """Raises InputError where the file cannot be read as either; `what` says in it what was to be there."""
    path = Path(file)
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return dict(arrays)
        return safetensors.numpy.load_file(path)
    except Exception as error:  # whatever both raise on bytes that are not theirs
        raise InputError(f"{path} cannot be read as {what} ({error}): give a .safetensors or .npz file.") from error


@dataclass(frozen=True)
class Weights:
    """Arrays of a file, of which each is checked when it is taken.

    Attributes:
        arrays: by name.
        file: where they are from, for messages.
        advice: what to give instead, for messages.
    """

    arrays: Mapping[str, np.ndarray]
    file: str | os.PathLike[str]
    advice: str

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def take(self, name: str, *shape: int | None) -> np.ndarray:
        """One as float32; None in `shape` is any size.

        Raises:
            InputError: it is missing, has another shape, or is not of numbers.
        """
        array = self.arrays.get(name)
        if array is None:
            raise InputError(f"{self.file} has no {name} in it: {self.advice}.")
        if array.ndim != len(shape) or any(b not in (a, None) for a, b in zip(array.shape, shape, strict=True)):
            found, wanted = ("x".join("?" if side is None else str(side) for side in s) for s in (array.shape, shape))
            raise InputError(f"{self.file} has another {name}, {found or 'a number'} for {wanted}: {self.advice}.")
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise InputError(f"{self.file} is damaged: {name} holds what is no number; fetch it again.")
        return array.astype(np.float32)

    def norm(self, name: str, channels: int, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
        """Factor and summand (channels,) that a batch norm comes to, as PyTorch names its arrays."""
        fields = ("weight", "bias", "running_mean", "running_var")
        weight, bias, mean, variance = (self.take(f"{name}.{field}", channels) for field in fields)
        if (variance < 0).any():
            raise InputError(f"{self.file} is damaged: {name}.running_var is negative; fetch it again.")
        factor = weight / np.sqrt(variance + np.float32(epsilon))
        return factor, bias - mean * factor

    def kernel(self, name: str, outputs: int, inputs: int, height: int, width: int) -> np.ndarray:
        """Of a convolution, from PyTorch's (O, I, H, W) to (H, W, I, O)."""
        return self.take(name, outputs, inputs, height, width).transpose(2, 3, 1, 0)
