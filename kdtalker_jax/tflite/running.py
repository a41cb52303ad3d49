"""What a network's operations compute, in JAX, as TensorFlow Lite defines them. Channels last."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.tflite.graph import LARGEST_TENSOR, Graph, Operation

_LAYOUT = ("NHWC", "OHWI", "NHWC")


def run(graph: Graph, constants: Mapping[int, jax.Array], *inputs: jax.Array) -> tuple[jax.Array, ...]:
    """Compute a network's outputs. Pure, to be compiled: `jax.jit(partial(run, graph))`.

    Args:
        graph: the network.
        constants: `graph.constants`, an argument so that programs do not hold them.
        inputs: of the shapes that the network's inputs have.

    Raises:
        ValueError: the network cannot be computed, or is not of the shapes that it claims. Nothing is allocated before.
    """
    values = dict(constants) | dict(zip(graph.inputs, inputs, strict=True))
    for index, operation in enumerate(graph.operations):
        try:
            (output,) = operation.outputs
            result = _result(graph, operation, values)
        except Exception as error:  # whatever JAX says to shapes that do not fit
            raise ValueError(f"operation {index}, {operation.kind}, does not fit its arrays") from error
        if output in values or result.shape != graph.tensors[output].shape:
            raise ValueError(f"operation {index}, {operation.kind}, gives {result.shape} to another array")
        values[output] = result
    if not set(graph.outputs) <= values.keys():
        raise ValueError("nothing computes one of its outputs")
    return tuple(values[number] for number in graph.outputs)


def _result(graph: Graph, operation: Operation, values: Mapping[int, jax.Array]) -> jax.Array:
    if operation.kind in _SHAPED:  # whose second input, the shape, is that of its output
        return _SHAPED[operation.kind](values[operation.inputs[0]], graph.tensors[operation.outputs[0]].shape)
    arguments = [None if number < 0 else values[number] for number in operation.inputs]
    if operation.kind in ("pad", "mean"):  # by what has to be known when the program is made
        arguments[1] = graph.tensors[operation.inputs[1]].value
    options = dict(operation.options)
    activation = _ACTIVATIONS[options.pop("activation", "none")]
    return activation(_OPERATIONS[operation.kind](*arguments, **options))


def _convolution(x, kernel, bias=None, *, padding, strides, dilation) -> jax.Array:
    """x (B, H, W, I), kernel (O, KH, KW, I), bias (O,)."""
    y = jax.lax.conv_general_dilated(
        x,
        kernel,
        strides,
        padding,
        rhs_dilation=dilation,
        dimension_numbers=_LAYOUT,
        precision=jax.lax.Precision.HIGHEST,
    )
    return y if bias is None else y + bias.reshape(1, 1, 1, -1)


def _depthwise(x, kernel, bias=None, *, padding, strides, dilation) -> jax.Array:
    """kernel (1, KH, KW, C M): of channel c are the M outputs from c M on.

    As a sum of moved pictures: convolutions in groups have no fast form on CPUs, where this takes a tenth of the time.
    """
    _, *taps, channels = kernel.shape
    x = jnp.repeat(x, channels // x.shape[-1], axis=-1)
    reach = [(number - 1) * far for number, far in zip(taps, dilation, strict=True)]
    x = jnp.pad(
        x, [(0, 0), *jax.lax.padtype_to_pads(x.shape[1:3], [far + 1 for far in reach], strides, padding), (0, 0)]
    )
    ends = [size - far for size, far in zip(x.shape[1:3], reach, strict=True)]  # of what the first tap sees
    y = jnp.zeros((), x.dtype) if bias is None else bias.reshape(1, 1, 1, -1)
    for row, column in np.ndindex(*taps):
        down, across = row * dilation[0], column * dilation[1]
        seen = x[:, down : down + ends[0] : strides[0], across : across + ends[1] : strides[1]]  # (B, H, W, C M)
        y = y + seen * kernel[:, row : row + 1, column : column + 1]
    return y


def _max_pool(x, *, padding, strides, window) -> jax.Array:
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, *window, 1), (1, *strides, 1), padding)


def _average_pool(x, *, padding, strides, window) -> jax.Array:
    """Of what lies within the picture."""
    inside = jnp.ones((1, *x.shape[1:3], 1), x.dtype)
    total, count = (
        jax.lax.reduce_window(y, 0.0, jax.lax.add, (1, *window, 1), (1, *strides, 1), padding) for y in (x, inside)
    )
    return total / count


def _transposed(x, kernel, bias, *, strides) -> jax.Array:
    """x (B, H, W, I), kernel (O, KH, KW, I) as large as the strides, so that nothing overlaps -> (B, H KH, W KW, O)."""
    if kernel.shape[1:3] != strides:
        raise ValueError("a transposed convolution whose parts overlap")
    y = jnp.einsum("bhwi,oyxi->bhywxo", x, kernel, precision=jax.lax.Precision.HIGHEST)
    batch, high, rows, wide, columns, channels = y.shape
    return y.reshape(batch, high * rows, wide * columns, channels) + bias.reshape(1, 1, 1, -1)


def _mean(x, axes: np.ndarray, *, keepdims) -> jax.Array:
    return x.mean(tuple(int(axis) for axis in axes.reshape(-1)), keepdims=keepdims)


def _prelu(x, slope) -> jax.Array:
    """slope (1, 1, C)."""
    return jnp.where(x < 0, x * slope.reshape(1, *slope.shape), x)


def _pad(x, amounts: np.ndarray) -> jax.Array:
    """amounts (axes, 2)."""
    if amounts.max() > LARGEST_TENSOR:
        raise ValueError("pads by more than an array may have")
    return jnp.pad(x, [(int(before), int(after)) for before, after in amounts])


_OPERATIONS = {
    "add": lambda x, y: x + y,
    "average pool": _average_pool,
    "convolution": _convolution,
    "depthwise convolution": _depthwise,
    "dequantize": lambda x: x,  # arrays are float32 once they are read
    "hard swish": jax.nn.hard_swish,
    "logistic": jax.nn.sigmoid,
    "max pool": _max_pool,
    "mean": _mean,
    "multiply": lambda x, y: x * y,
    "pad": _pad,
    "prelu": _prelu,
    "relu": jax.nn.relu,
    "softmax": jax.nn.softmax,
    "transposed convolution": _transposed,
}
_SHAPED = {
    "reshape": lambda x, shape: x.reshape(shape),
    "resize bilinear": lambda x, shape: jax.image.resize(x, shape, "bilinear", antialias=False),
}
_ACTIVATIONS = {"none": lambda x: x, "relu": jax.nn.relu, "relu6": jax.nn.relu6}
