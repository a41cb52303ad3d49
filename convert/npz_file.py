"""Reads NumPy's archives (.npz) as untrusted input. Arrays stay in the file, mapped into memory, until asked for."""

import io
import mmap
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convert.torch_file import ZIP_MAGIC, zip_entries
from kdtalker_jax.errors import CheckpointError

_READ_HEADER = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


@dataclass(frozen=True, eq=False)
class NpzArray:
    """An array that is still in its file. Its values were checked to be there, whole."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool
    start: int  # of the values within the entry
    entry: memoryview
    crc: int

    def numpy(self) -> np.ndarray:
        """The values, read-only and not copied."""
        if zlib.crc32(self.entry) != self.crc:
            raise CheckpointError(f"{self.path} is damaged (checksum of {self.name}): download it again")
        values = np.frombuffer(self.entry, self.dtype, offset=self.start)
        return values.reshape(self.shape, order="F" if self.fortran else "C")


def is_npz(head: bytes) -> bool:
    """Whether a file that begins so is an archive whose first entry is an array."""
    if not head.startswith(ZIP_MAGIC) or len(head) < 30:
        return False
    return head[30 : 30 + struct.unpack_from("<H", head, 26)[0]].endswith(b".npy")


def read_npz(path: Path) -> dict[str, NpzArray]:
    """The arrays by name.

    Raises:
        CheckpointError: the file is cut short or damaged, compressed, or holds pickled objects.
    """
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        entries = zip_entries(path, file, memoryview(data), "numpy.savez")
    return {
        (name := entry.removesuffix(".npy")): _array(path, name, *content)
        for entry, content in entries.items()
        if entry.endswith(".npy")
    }


def _array(path: Path, name: str, entry: memoryview, crc: int) -> NpzArray:
    stream = io.BytesIO(entry[: 1 << 16])
    try:
        shape, fortran, dtype = _READ_HEADER[np.lib.format.read_magic(stream)](stream)
    except Exception as error:  # NumPy raises many kinds where the header is none of its own
        raise CheckpointError(f"{path} is damaged (header of {name!r:.80}): download it again") from error
    if dtype.hasobject:
        raise CheckpointError(
            f"{path} holds pickled objects, {name!r:.80}, which might run code: nothing of it was run"
        )
    start = stream.tell()
    # In Python's integers, of which no shape makes small ones.
    needed = dtype.itemsize * int(np.prod(np.array(shape, dtype=object)))
    if any(size < 0 for size in shape) or needed != len(entry) - start:
        raise CheckpointError(f"{path} is damaged ({name!r:.80} has {len(entry) - start} of {needed} bytes)")
    return NpzArray(path, name, shape, dtype, fortran, start, entry, crc)
