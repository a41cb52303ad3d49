"""Tables of FlatBuffers (https://flatbuffers.dev/internals), read with bounds checked: files may come from anywhere."""

import struct
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Table:
    """A table in a file; its fields are numbered as the schema lists them, and absent ones have a default.

    All that is wrong with a file raises ValueError.
    """

    data: bytes
    at: int

    @classmethod
    def root(cls, data: bytes, identifier: bytes) -> "Table":
        """The table that a file of this kind is."""
        if data[4:8] != identifier:
            raise ValueError(f"it does not begin as {identifier.decode()} files do")
        return cls(data, _number(data, "<I", 0))

    def number(self, field: int, kind: str, default: int = 0) -> int:
        """A number; `kind` as `struct` names it: b, B, i, I, f."""
        place = self._place(field)
        return default if place is None else _number(self.data, f"<{kind}", place)

    def table(self, field: int) -> "Table | None":
        place = self._place(field)
        return None if place is None else self._pointed(place)

    def tables(self, field: int, most: int) -> "list[Table]":
        """A vector of tables, of so many at most: a small file can list the same ones over and over."""
        start, length = self._vector(field, 4, most)
        return [self._pointed(start + 4 * index) for index in range(length)]

    def array(self, field: int, dtype: str, most: int) -> np.ndarray:
        """A vector of numbers, read-only, of so many at most."""
        start, length = self._vector(field, np.dtype(dtype).itemsize, most)
        return np.frombuffer(self.data, dtype, length, start)

    def _pointed(self, place: int) -> "Table":
        return Table(self.data, place + _number(self.data, "<I", place))

    def _vector(self, field: int, size: int, most: int) -> tuple[int, int]:
        """Where a vector's elements of so many bytes begin, and how many there are."""
        place = self._place(field)
        if place is None:
            return 0, 0
        start = place + _number(self.data, "<I", place)
        length = _number(self.data, "<I", start)
        if start + 4 + size * length > len(self.data):
            raise ValueError("it ends too early")
        if length > most:
            raise ValueError(f"a list of {length}, where {most} are many")
        return start + 4, length

    def _place(self, field: int) -> int | None:
        """Where a field is; None: it is absent."""
        listing = self.at - _number(self.data, "<i", self.at)
        entry = 4 + 2 * field
        if entry + 2 > _number(self.data, "<H", listing):
            return None
        offset = _number(self.data, "<H", listing + entry)
        return self.at + offset if offset else None


def _number(data: bytes, kind: str, place: int) -> int:
    if not 0 <= place <= len(data) - struct.calcsize(kind):  # struct would count from the end
        raise ValueError("it ends too early")
    return struct.unpack_from(kind, data, place)[0]
