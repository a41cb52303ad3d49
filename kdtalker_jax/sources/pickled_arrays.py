"""NumPy arrays out of a pickle that is read as data: what `pickles.PickleReader` makes of the calls that build them."""

import math

import numpy as np

from kdtalker_jax.pickles import Built, PickleReader, RefusedPickleError, damaged

MOST_OPCODES = 10_000_000  # a frame of motion takes about 150
_KINDS = frozenset({"f2", "f4", "f8", "b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"})
_MOST_AXES = 8


class _Type(Built):
    """`numpy.dtype(name, align, copy)`, and the byte order that its state tells."""

    def __init__(self, name: object, *_: object) -> None:
        if isinstance(name, bytes):
            name = name.decode("latin-1")
        if not isinstance(name, str) or name.lstrip("<>|=") not in _KINDS:
            raise RefusedPickleError(f"holds arrays of the type {name!r:.40}, not of numbers")
        self.dtype = np.dtype(name)

    def build(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
            raise damaged("an array's type of unknown byte order")
        self.dtype = self.dtype.newbyteorder(state[1])


class _Pending(Built):
    """`_reconstruct(ndarray, (0,), b'b')`, whose state is the array."""

    def __init__(self, *_: object) -> None:
        self.array: np.ndarray | None = None

    def build(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise damaged("an array without contents")
        _, shape, kind, fortran, values = state
        self.array = _array(values, kind, shape, "F" if fortran is True else "C")


def _array(values: object, kind: object, shape: object, order: object) -> np.ndarray:
    if isinstance(values, str):  # Python 2
        values = values.encode("latin-1")
    if not isinstance(kind, _Type) or not isinstance(values, (bytes, bytearray)) or order not in ("C", "F"):
        raise damaged("an array that is not one of numbers")
    if not isinstance(shape, tuple) or len(shape) > _MOST_AXES or not all(_is_size(side) for side in shape):
        raise damaged("an array of impossible shape")
    if math.prod(shape) * kind.dtype.itemsize != len(values):
        raise damaged("an array whose contents do not fill its shape")
    return np.frombuffer(bytes(values), kind.dtype).reshape(shape, order=order)


def _is_size(side: object) -> bool:
    return isinstance(side, int) and not isinstance(side, bool) and side >= 0


def _scalar(kind: object, values: object) -> object:
    return _array(values, kind, (), "C").item()


def _encoded(text: object, *_: object) -> bytes:
    """`_codecs.encode(text, "latin1")`: how protocols below 3 spell bytes."""
    if not isinstance(text, str):
        raise damaged("bytes that are no text")
    return text.encode("latin-1")


_BUILDERS = {"numpy.dtype": _Type, "_codecs.encode": _encoded}
for _module in ("numpy.core", "numpy._core"):
    _BUILDERS[f"{_module}.multiarray._reconstruct"] = _Pending
    _BUILDERS[f"{_module}.multiarray.scalar"] = _scalar
    _BUILDERS[f"{_module}.numeric._frombuffer"] = _array


def read_pickle(data: bytes) -> object:
    """The containers, numbers and texts of a pickle; arrays as `array_of` takes them.

    Raises:
        RefusedPickleError: it is damaged, or asks for more than data.
    """
    return PickleReader(_BUILDERS, most=MOST_OPCODES).read(data)


def array_of(value: object) -> np.ndarray | None:
    """An array, or a number as one of no axes; None for anything else."""
    if isinstance(value, _Pending):
        return value.array
    if isinstance(value, np.ndarray):
        return value
    return np.asarray(float(value)) if isinstance(value, (int, float)) else None
