"""One reader for every file that may hold weights, told apart by content. What else a file may be is said in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from safetensors import SafetensorError, safe_open

from convert.npz_file import is_npz, read_npz
from convert.torch_file import read_torch_file
from kdtalker_jax.errors import CheckpointError


class Tensor(Protocol):
    """A tensor that may still be in its file."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def numpy(self) -> np.ndarray:
        """Its values, read now."""


@dataclass(frozen=True)
class SafeTensor:
    """A tensor in a .safetensors file."""

    path: Path
    name: str
    shape: tuple[int, ...]

    def numpy(self) -> np.ndarray:
        try:
            with safe_open(self.path, framework="numpy") as file:
                return file.get_tensor(self.name)
        except (SafetensorError, OSError, AttributeError) as error:  # the last for types that NumPy does not have
            raise CheckpointError(f"{self.path} holds a tensor that cannot be read, {self.name} ({error})") from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """The state dict in a file of PyTorch (either container), safetensors or NumPy (.npz), by key.

    The state dict may be the whole content or lie under 'model' or 'state_dict', as in training checkpoints;
    dictionaries inside it are joined with dots. Nothing else of the file is read from disk.

    Raises:
        CheckpointError: the file is missing, damaged, of another kind, refused as unsafe, or holds no tensors.
    """
    content: object = _READERS[_recognise(path)](path)
    for name in ("model", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
    tensors: dict[str, Tensor] = {}
    for key, value in content.items() if isinstance(content, Mapping) else ():
        group = value.items() if isinstance(value, Mapping) else ((None, value),)
        tensors |= {_join(key, inner): tensor for inner, tensor in group if hasattr(tensor, "numpy")}
    if not tensors:
        raise CheckpointError(f"{path} holds no weights: it is not one of the published files")
    return tensors


def _join(key: object, inner: object) -> str:
    return str(key) if inner is None else f"{key}.{inner}"


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: SafeTensor(path, name, tuple(file.get_slice(name).get_shape())) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is a damaged safetensors file ({error}): download it again") from error


_READERS = {"safetensors": _read_safetensors, "npz": read_npz, "torch": read_torch_file}

# What people really have under the name of a checkpoint, by how it begins.
_OTHER_FILES = (
    (b"version https://git-lfs", "is a Git LFS pointer, not the file itself: fetch it with 'git lfs pull'"),
    (b"<", "is a web page, not a checkpoint: the download went wrong, download the file itself"),
    (b"\x1f\x8b", "is a gzip archive: unpack it first"),
    (b"BZh", "is a bzip2 archive: unpack it first"),
    (b"\xfd7zXZ", "is an xz archive: unpack it first"),
    (b"7z\xbc\xaf", "is a 7z archive: unpack it first"),
    (b"Rar!", "is a rar archive: unpack it first"),
    (b"\x89HDF", "is an HDF5 file, not a PyTorch file"),
)
_PICKLE_OR_ZIP = (b"PK\x03\x04", b"\x80")


def _recognise(path: Path) -> str:
    """The name of a reader, else a CheckpointError that says what the file is."""
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder, not a file")
    if path.exists() and not path.is_file():
        raise CheckpointError(f"{path} is not a regular file")
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror})") from error
    if not head:
        raise CheckpointError(f"{path} is empty: download it again")
    if head[8:9] == b"{":
        return "safetensors"
    if is_npz(head):
        return "npz"
    if head.startswith(_PICKLE_OR_ZIP):
        return "torch"
    for beginning, description in _OTHER_FILES:
        if head.lstrip().startswith(beginning):
            raise CheckpointError(f"{path} {description}")
    if head[257:262] == b"ustar":
        raise CheckpointError(f"{path} is a tar archive: unpack it first")
    if all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head):
        raise CheckpointError(f"{path} is a text file, not a checkpoint: it begins with {head[:40].decode()!r}")
    raise CheckpointError(f"{path} is not a PyTorch or safetensors file: it begins with the bytes {head[:8].hex(' ')}")
