"""Reads files of `torch.save` without PyTorch, in both of its containers, as untrusted input.

Since PyTorch 1.6 a file is a zip of one pickle and raw storages. Before, it was a sequence: pickled magic number,
pickled protocol version, pickled system information, the pickled object, the pickled list of storage keys, and for each
key its length (int64) and its raw values. Tensors stay in the file, mapped into memory, until they are asked for.
"""

import mmap
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import ml_dtypes
import numpy as np

from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.pickles import Global, PickleReader, RefusedPickleError, damaged

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
ZIP_MAGIC = b"PK\x03\x04"
MAX_DIMENSIONS = 32

STORAGE_DTYPES = {
    "FloatStorage": np.dtype(np.float32),
    "DoubleStorage": np.dtype(np.float64),
    "HalfStorage": np.dtype(np.float16),
    "BFloat16Storage": np.dtype(ml_dtypes.bfloat16),
    "LongStorage": np.dtype(np.int64),
    "IntStorage": np.dtype(np.int32),
    "ShortStorage": np.dtype(np.int16),
    "CharStorage": np.dtype(np.int8),
    "ByteStorage": np.dtype(np.uint8),
    "BoolStorage": np.dtype(np.bool_),
    "ComplexFloatStorage": np.dtype(np.complex64),
    "ComplexDoubleStorage": np.dtype(np.complex128),
    "UntypedStorage": np.dtype(np.uint8),
}
# Types that PyTorch stores as bytes and names beside the tensor.
TENSOR_DTYPES = {
    "uint16": np.dtype(np.uint16),
    "uint32": np.dtype(np.uint32),
    "uint64": np.dtype(np.uint64),
    "float8_e4m3fn": np.dtype(ml_dtypes.float8_e4m3fn),
    "float8_e5m2": np.dtype(ml_dtypes.float8_e5m2),
}


@dataclass(eq=False)
class Storage:
    """A run of `size` values in the file. `start` counts values from the beginning of what `key` names."""

    path: Path
    key: str
    dtype: np.dtype
    size: int
    start: int = 0
    data: memoryview = field(default=memoryview(b""), repr=False)
    crc: int = 0  # as recorded; 0 where it was not
    checked: bool = False

    def numpy(self) -> np.ndarray:
        """The values, mapped from the file, read-only: (size,)."""
        if self.crc and not self.checked and zlib.crc32(self.data) != self.crc:
            raise CheckpointError(f"{self.path} is damaged (checksum of storage {self.key}): download it again")
        self.checked = True
        return np.frombuffer(self.data, self.dtype, self.size, self.start * self.dtype.itemsize)


@dataclass(frozen=True, eq=False)
class LazyTensor:
    """A tensor that is still in its file. Its view was checked to lie inside its storage."""

    storage: Storage
    dtype: np.dtype
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def numpy(self) -> np.ndarray:
        """The values, read-only and not copied."""
        values = self.storage.numpy().view(self.dtype)[self.offset :]
        strides = [stride * self.dtype.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(values, self.shape, strides, writeable=False)


def read_torch_file(path: Path) -> object:
    """The object that `torch.save` wrote: plain containers with LazyTensor for tensors and Stub for everything else.

    Raises:
        CheckpointError: not such a file, cut short or damaged, or a pickle that asks for more than data.
    """
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            if data[: len(ZIP_MAGIC)] == ZIP_MAGIC:
                return _read_zip(path, file, memoryview(data))
            return _read_legacy(path, data)
    except RefusedPickleError as error:
        raise CheckpointError(f"{path} {error}") from error


def _read_zip(path: Path, file: BinaryIO, data: memoryview) -> object:
    entries = zip_entries(path, file, data, "PyTorch")
    name = next((name for name in entries if name.count("/") == 1 and name.endswith("/data.pkl")), None)
    if name is None:
        raise CheckpointError(f"{path} {_describe_other_zip(list(entries))}")
    folder = name.split("/")[0]
    if f"{folder}/constants.pkl" in entries:
        raise CheckpointError(f"{path} is a TorchScript program, not a file of weights")
    if bytes(entries.get(f"{folder}/byteorder", (b"little", 0))[0]) != b"little":
        raise CheckpointError(f"{path} was written on a big-endian machine, which is not supported")
    storages = _Storages(path)
    stream, crc = entries[name]
    if crc and zlib.crc32(stream) != crc:
        raise CheckpointError(f"{path} is damaged (checksum of its pickle): download it again")
    content = storages.read(bytes(stream))
    for storage in storages.all:
        storage.data, storage.crc = entries.get(f"{folder}/data/{storage.key}", (memoryview(b""), 0))
        _check_length(storage, len(storage.data))
    return content


def zip_entries(path: Path, file: BinaryIO, data: memoryview, kind: str) -> Mapping[str, tuple[memoryview, int]]:
    """Contents and recorded CRC of every entry, by name. Compressed entries (which might be bombs) are refused.

    Args:
        path: for errors.
        file, data: the same file, to read and mapped.
        kind: what writes such files, in a word.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error) as error:
        raise CheckpointError(f"{path} is a {kind} file whose end is missing or damaged: download it again") from error
    entries = {}
    for info in infos:
        header = data[info.header_offset : info.header_offset + 30]
        if len(header) < 30 or header[:4] != ZIP_MAGIC:
            raise CheckpointError(f"{path} is damaged (entry {info.filename!r:.80}): download it again")
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            raise CheckpointError(
                f"{path} holds compressed or encrypted entries, which {kind} does not write: unpack it"
            )
        start = info.header_offset + 30 + sum(struct.unpack_from("<2H", header, 26))
        entries[info.filename] = (data[start : start + info.file_size], info.CRC)
    return entries


def _describe_other_zip(names: list[str]) -> str:
    inside = next((name for name in names if name.endswith((".pth", ".pt", ".model", ".safetensors"))), None)
    if inside:
        return f"is a zip archive that holds {inside!r:.80}: unpack it first"
    if names and all(name.endswith(".npy") for name in names):
        return "is a NumPy archive, not a PyTorch file"
    return "is a zip archive, but not one that PyTorch wrote"


def _read_legacy(path: Path, data: mmap.mmap) -> object:
    if PickleReader().read(data) != LEGACY_MAGIC:
        raise CheckpointError(f"{path} holds a pickle that PyTorch did not write")
    if PickleReader().read(data) != LEGACY_PROTOCOL:
        raise CheckpointError(f"{path} is in an unknown version of PyTorch's old format")
    system = PickleReader().read(data)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise CheckpointError(f"{path} was written on a big-endian machine, which is not supported")
    storages = _Storages(path)
    content = storages.read(data)
    keys = PickleReader().read(data)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise CheckpointError(f"{path} is damaged (list of storages): download it again")
    _fill_legacy(storages, keys, memoryview(data)[data.tell() :])
    return content


def _fill_legacy(storages: "_Storages", keys: list[str], rest: memoryview) -> None:
    by_key: dict[str, list[Storage]] = {key: [] for key in keys}
    if len(by_key) != len(keys):
        raise damaged("the same storage twice")
    for storage in storages.all:
        by_key.get(storage.key, []).append(storage)
    for users in by_key.values():
        # Only the pickle knows how wide the values are: a key that it does not use hides where the next one begins.
        if not users or len({storage.dtype for storage in users}) > 1:
            raise damaged("storages that do not match its tensors")
        size = struct.unpack_from("<q", rest)[0] if len(rest) >= 8 else 0
        end = 8 + max(size, 0) * users[0].dtype.itemsize
        for storage in users:
            storage.data = rest[8:end]
        rest = rest[end:]
    for storage in storages.all:
        _check_length(storage, len(storage.data))


def _check_length(storage: Storage, length: int) -> None:
    needed = (storage.start + storage.size) * storage.dtype.itemsize
    if length < needed:
        missing = f"storage {storage.key!r:.80} has {length} of {needed} bytes"
        raise CheckpointError(f"{storage.path} is cut short ({missing}): download it again")


class _Storages:
    """Gives the pickle its storages and tensors, and remembers the storages until their values are found."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[tuple, Storage] = {}

    @property
    def all(self) -> list[Storage]:
        return list(self.known.values())

    def read(self, stream: BinaryIO | bytes) -> object:
        return PickleReader(_BUILDERS, self.load).read(stream)

    def load(self, identity: object) -> Storage:
        """From ('storage', class, key, device, size) and, in files of PyTorch < 0.4, (key, start, size) of a part."""
        match identity:
            case ("storage", Global() as kind, str() as key, str(), int() as size):
                start = 0
            case ("storage", Global() as kind, str() as key, str(), int(), None):
                size, start = identity[4], 0
            case ("storage", Global() as kind, str() as key, str(), int(), (str(), int() as start, int() as size)):
                pass
            case _:
                raise damaged("a reference to something other than a storage")
        dtype = STORAGE_DTYPES.get(kind.name) if kind.module.split(".")[0] == "torch" else None
        if dtype is None:
            raise RefusedPickleError(f"has a storage of unknown type {str(kind)!r:.80}")
        if size < 0 or start < 0:
            raise damaged("a storage of negative size")
        return self.known.setdefault((key, dtype, start, size), Storage(self.path, key, dtype, size, start))


def _tensor(storage: object, offset: object, shape: object, strides: object, *_: object) -> LazyTensor:
    """`torch._utils._rebuild_tensor_v2`, and the older `_rebuild_tensor`."""
    if not isinstance(storage, Storage):
        raise damaged("a tensor without a storage")
    return _checked(storage, storage.dtype, storage.size, offset, shape, strides)


def _tensor_of_dtype(
    storage: object,
    offset: object,
    shape: object,
    strides: object,
    grad: object,
    hooks: object,
    dtype: object,
    *_: object,
) -> LazyTensor:
    """`torch._utils._rebuild_tensor_v3`: the storage is bytes, the type is named beside it."""
    if not isinstance(storage, Storage) or not isinstance(dtype, Global) or dtype.name not in TENSOR_DTYPES:
        raise damaged("a tensor of unknown type")
    kind = TENSOR_DTYPES[dtype.name]
    if storage.dtype.itemsize != 1 or storage.size % kind.itemsize:
        raise damaged("a tensor that does not fit its storage")
    return _checked(storage, kind, storage.size // kind.itemsize, offset, shape, strides)


def _checked(
    storage: Storage, dtype: np.dtype, size: int, offset: object, shape: object, strides: object
) -> LazyTensor:
    """A view whose every element lies among the `size` values of its storage."""
    if not isinstance(shape, tuple) or not isinstance(strides, tuple) or len(shape) != len(strides):
        raise damaged("a tensor without a shape")
    if len(shape) > MAX_DIMENSIONS or not all(type(n) is int and 0 <= n < 2**31 for n in (*shape, *strides, offset)):
        raise damaged("a tensor of impossible shape or strides")
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    empty = 0 in shape
    if offset > size or (not empty and last >= size):
        raise damaged("a tensor that reaches outside its storage")
    if np.prod(np.array([n for n in shape if n], dtype=object)) * dtype.itemsize >= 2**62:
        raise damaged("a tensor of impossible size")
    return LazyTensor(storage, dtype, offset, shape, strides)


def _parameter(tensor: object, *_: object) -> object:
    return tensor


def _size(dimensions: object = ()) -> tuple:
    if not isinstance(dimensions, tuple):
        raise damaged("a shape that is not a tuple")
    return dimensions


_BUILDERS = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_of_dtype,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch.Size": _size,
}
