"""A network out of a `.tflite` file: its operations in order, and its arrays. Nothing in the file is run."""

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.media.files import input_file
from kdtalker_jax.tflite.flatbuffer import Table

LARGEST_FILE = 1 << 27  # bytes; the networks that are read here are of a few millions
MOST = 10_000  # operations, and tensors
MOST_ENDS = 16  # axes of a tensor, and inputs of an operation
LARGEST_TENSOR = 1 << 24  # numbers; the largest of ours is a hundredth of it

# Numbers of the schema, tensorflow/lite/schema/schema.fbs.
_DTYPES = {0: "<f4", 1: "<f2", 2: "<i4", 9: "<i1"}
_INT32, _INT8 = 2, 9
_KINDS = {
    0: "add",
    1: "average pool",
    3: "convolution",
    4: "depthwise convolution",
    6: "dequantize",
    14: "logistic",
    17: "max pool",
    18: "multiply",
    19: "relu",
    22: "reshape",
    25: "softmax",
    23: "resize bilinear",
    34: "pad",
    40: "mean",
    54: "prelu",
    117: "hard swish",
}
_CUSTOM = 32
_CUSTOM_KINDS = {b"Convolution2DTransposeBias": "transposed convolution"}  # of MediaPipe
_ACTIVATIONS = {0: "none", 1: "relu", 3: "relu6"}
_PADDINGS = {0: "SAME", 1: "VALID"}


class Tensor(NamedTuple):
    """Shape of an array, and the array where it is one of the network's own."""

    shape: tuple[int, ...]
    value: np.ndarray | None


@dataclass(frozen=True)
class Operation:
    """One step of a network.

    Attributes:
        kind: one of `_KINDS`.
        inputs, outputs: numbers of tensors; -1 stands for an input that is not there.
        options: by name: padding, activation, strides, window, dilation; those that the kind has.
    """

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Graph:
    """A network.

    Attributes:
        tensors: all arrays, what is computed and what is known.
        operations: in order.
        inputs, outputs: numbers of tensors.
    """

    tensors: tuple[Tensor, ...]
    operations: tuple[Operation, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def constants(self) -> dict[int, np.ndarray]:
        """The network's own arrays by the number of their tensor."""
        return {number: tensor.value for number, tensor in enumerate(self.tensors) if tensor.value is not None}


def read_graph(path: str | os.PathLike[str]) -> Graph:
    """Read a `.tflite` file.

    Raises:
        InputError: it is missing. CheckpointError: it is damaged, no such file, or has operations that are not known.
    """
    path = input_file(path, "network file")
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(f"more than {LARGEST_FILE >> 20} MB")
        return parse(path.read_bytes())
    except (ValueError, OSError) as error:
        raise unusable(path, error) from error


def unusable(path: Path, why: object) -> CheckpointError:
    """The error to raise where a file is no network that can be run here."""
    return CheckpointError(f"{path} is damaged or no TensorFlow Lite network that can be read here ({why}).")


def parse(data: bytes) -> Graph:
    """The network in a file's bytes. Raises ValueError, with what is wrong."""
    model = Table.root(data, b"TFL3")
    buffers = model.tables(4, MOST)
    kinds = [_kind(code) for code in model.tables(1, MOST)]
    if not (graphs := model.tables(2, MOST_ENDS)):
        raise ValueError("it holds no network")
    graph = graphs[0]
    tensors: list[Tensor] = []
    left = 4 * len(data)  # bytes become float32
    for table in graph.tables(0, MOST):
        tensors.append(_tensor(table, buffers))
        left -= 0 if tensors[-1].value is None else tensors[-1].value.nbytes
        if left < 0:
            raise ValueError("the same bytes serve many arrays")
    return Graph(
        tuple(tensors),
        tuple(_operation(table, kinds, len(tensors)) for table in graph.tables(3, MOST)),
        _numbers(graph, 1, len(tensors)),
        _numbers(graph, 2, len(tensors)),
    )


def _tensor(table: Table, buffers: list[Table]) -> Tensor:
    shape = tuple(int(size) for size in table.array(0, "<i4", MOST_ENDS))
    if any(size < 1 for size in shape) or np.prod(shape, dtype=float) > LARGEST_TENSOR:
        raise ValueError(f"an array of shape {shape}")
    data = _at(buffers, table.number(2, "I")).array(0, "u1", LARGEST_FILE)
    if not len(data):
        return Tensor(shape, None)
    kind = table.number(1, "b")
    if kind not in _DTYPES:
        raise ValueError(f"numbers of type {kind}")
    if len(data) != np.prod(shape, dtype=int) * np.dtype(_DTYPES[kind]).itemsize:
        raise ValueError(f"{len(data)} bytes for an array of shape {shape}")
    value = data.view(_DTYPES[kind]).reshape(shape)
    if kind != _INT32:
        value = _dequantised(value, table.table(4)) if kind == _INT8 else value.astype(np.float32)
        if not np.isfinite(value).all():
            raise ValueError("values that are not finite")
    return Tensor(shape, value)


def _dequantised(value: np.ndarray, quantisation: Table | None) -> np.ndarray:
    """What bytes stand for: steps of one size, or of one for each place along an axis, counted from a zero."""
    if quantisation is None:
        raise ValueError("bytes without a scale")
    axis = quantisation.number(6, "i")
    scale, zero = (quantisation.array(field, kind, LARGEST_TENSOR) for field, kind in ((2, "<f4"), (3, "<i8")))
    if len(scale) > 1:
        if not 0 <= axis < value.ndim or len(scale) != value.shape[axis]:
            raise ValueError(f"{len(scale)} scales for an array of shape {value.shape}")
        along = [-1 if place == axis else 1 for place in range(value.ndim)]
        scale, zero = scale.reshape(along), zero.reshape(along) if len(zero) == len(scale) else zero
    if not len(scale) or zero.size not in (1, scale.size):
        raise ValueError("bytes without a scale")
    return ((value - zero) * scale).astype(np.float32)


def _kind(code: Table) -> str | int:
    """What an operation of this code is, or its number where that is not known."""
    number = max(code.number(0, "b"), code.number(3, "i"))
    if number == _CUSTOM:
        return _CUSTOM_KINDS.get(code.array(1, "u1", 256).tobytes(), number)
    return _KINDS.get(number, number)


def _operation(table: Table, kinds: list[str | int], tensors: int) -> Operation:
    kind = _at(kinds, table.number(0, "I"))
    if isinstance(kind, int):
        raise ValueError(f"operation {kind}, which is not known here")
    inputs, outputs = (_numbers(table, field, tensors) for field in (1, 2))
    if kind in _CUSTOM_KINDS.values():
        return Operation(kind, inputs, outputs, _transposed_options(table.array(5, "u1", 12).tobytes()))
    return Operation(kind, inputs, outputs, _options(kind, table.table(4)))


def _transposed_options(data: bytes) -> dict[str, Any]:
    """Of MediaPipe's own operation: padding ("SAME"), strides across and down."""
    padding, across, down = struct.unpack("<3i", data) if len(data) == 12 else (0, 0, 0)
    if padding != 1 or not all(0 < stride <= 1024 for stride in (across, down)):
        raise ValueError("a transposed convolution with options that are not known here")
    return {"strides": (down, across)}


def _options(kind: str, table: Table | None) -> dict[str, Any]:
    """Of an operation; a file leaves out what has its default."""
    table = table or Table(bytes(10), 4)  # one without fields

    def pair(width: int, height: int, default: int = 0) -> tuple[int, int]:
        numbers = table.number(height, "i", default), table.number(width, "i", default)
        if not all(0 < number <= 1024 for number in numbers):
            raise ValueError(f"{kind} with strides, windows or dilations of {numbers}")
        return numbers

    def one_of(names: dict[int, str], field: int) -> str:
        number = table.number(field, "b")
        if number not in names:
            raise ValueError(f"{kind} with an option {number}, which is not known here")
        return names[number]

    match kind:
        case "convolution":
            return {
                "padding": one_of(_PADDINGS, 0),
                "strides": pair(1, 2),
                "activation": one_of(_ACTIVATIONS, 3),
                "dilation": pair(4, 5, 1),
            }
        case "depthwise convolution":
            return {
                "padding": one_of(_PADDINGS, 0),
                "strides": pair(1, 2),
                "activation": one_of(_ACTIVATIONS, 4),
                "dilation": pair(5, 6, 1),
            }
        case "max pool" | "average pool":
            return {
                "padding": one_of(_PADDINGS, 0),
                "strides": pair(1, 2),
                "window": pair(3, 4),
                "activation": one_of(_ACTIVATIONS, 5),
            }
        case "softmax":
            if table.number(0, "f") != 1:
                raise ValueError("a softmax of scaled numbers, which is not known here")
        case "mean":
            return {"keepdims": bool(table.number(0, "b"))}
        case "resize bilinear":
            if table.number(2, "b") or not table.number(3, "b"):
                raise ValueError("a resize that does not count from pixels' centres, which is not known here")
        case "add" | "multiply":
            return {"activation": one_of(_ACTIVATIONS, 0)}
    return {}


def _numbers(table: Table, field: int, tensors: int) -> tuple[int, ...]:
    numbers = tuple(int(number) for number in table.array(field, "<i4", MOST_ENDS))
    if not all(-1 <= number < tensors for number in numbers):
        raise ValueError("an array that is not there")
    return numbers


def _at(items: list, index: int) -> Any:
    if index >= len(items):
        raise ValueError("a number that names nothing")
    return items[index]
