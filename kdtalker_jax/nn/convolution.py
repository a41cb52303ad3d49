"""The forms that a convolution takes: the same numbers for less arithmetic, or for arithmetic that a backend does well.

All convolutions here have stride 1, "same" padding with zeros and odd kernels, channels last.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from kdtalker_jax.nn.bilinear import with_gradients

Shape = tuple[int, ...]

BAND_TILES = 256  # that `conv2d_winograd` works on at once
BAND_POSITIONS = 1024  # the same of `kernel_gradient_in_bands`


def conv2d_same(x: jax.Array, kernel: jax.Array, transformed: jax.Array | None = None) -> jax.Array:
    """x (N, H, W, I), kernel (KH, KW, I, O) -> (N, H, W, O); by Winograd's form if given the kernel for it."""
    return conv2d_direct(x, kernel) if transformed is None else conv2d_winograd(x, transformed)


def conv2d_direct(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """`conv2d_same` as the library does it, but for the kernel's gradient on CPUs."""
    return _conv2d(x, kernel)


def conv2d_of_library(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """`conv2d_same`, and its gradients, as the library does them."""
    padding = [(size // 2, size // 2) for size in kernel.shape[:2]]
    return lax.conv_general_dilated(x, kernel, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _input_gradient(dy: jax.Array, kernel: jax.Array, _: Shape) -> jax.Array:
    """A convolution with the kernel turned round."""
    return conv2d_direct(dy, kernel[::-1, ::-1].swapaxes(2, 3))


def _kernel_gradient(dy: jax.Array, x: jax.Array, shape: Shape) -> jax.Array:
    def of_library(x: jax.Array, dy: jax.Array) -> jax.Array:
        kernel = jax.ShapeDtypeStruct(shape, dy.dtype)
        (dkernel,) = jax.linear_transpose(partial(conv2d_of_library, x), kernel)(dy)
        return dkernel

    def in_bands(x: jax.Array, dy: jax.Array) -> jax.Array:
        return kernel_gradient_in_bands(x, dy, shape[:2]).astype(dy.dtype)

    return lax.platform_dependent(x, dy, cpu=in_bands, default=of_library)


_conv2d = with_gradients(conv2d_of_library, of_first=_input_gradient, of_second=_kernel_gradient)


def kernel_gradient_in_bands(x: jax.Array, dy: jax.Array, size: Sequence[int]) -> jax.Array:
    """Gradient of a 2-D kernel, (KH, KW, I, O), as matrix products of a band of rows at a time, from cache.

    x (N, H, W, I), gradient of the output (N, H, W, O).
    """
    n, height, width, inputs = x.shape
    (rows, columns), outputs = size, dy.shape[-1]
    band = max(b for b in range(1, height + 1) if height % b == 0 and (b == 1 or b * width <= BAND_POSITIONS))
    padded = jnp.pad(x, ((0, 0), (rows // 2, rows // 2), (columns // 2, columns // 2), (0, 0)))

    def add_band(total: jax.Array, i: jax.Array) -> tuple[jax.Array, None]:
        start = (i // (height // band), i % (height // band) * band, 0, 0)
        near = lax.dynamic_slice(padded, start, (1, band + rows - 1, width + columns - 1, inputs))[0]
        taps = [near[a : a + band, b : b + width] for a in range(rows) for b in range(columns)]
        patches = jnp.concatenate(taps, axis=-1).reshape(band * width, -1)  # (positions, KH KW I)
        gradients = lax.dynamic_slice(dy, start, (1, band, width, outputs)).reshape(band * width, outputs)
        return total + jnp.matmul(patches.T, gradients, preferred_element_type=jnp.float32), None

    total = jnp.zeros((rows * columns * inputs, outputs), jnp.float32)
    total, _ = lax.scan(add_band, total, jnp.arange(n * height // band))
    return total.reshape(rows, columns, inputs, outputs)


def winograd_pays(kernel: jax.Array, height: int, width: int) -> bool:
    """Whether `conv2d_winograd` beats `conv2d_direct`, measured on CPUs: 3x3, wide, many even positions."""
    *size, inputs, outputs = kernel.shape
    even = height % 2 == 0 and width % 2 == 0
    return size == [3, 3] and inputs >= 128 and outputs >= 256 and even and height * width >= 256


def winograd_kernel(kernel: jax.Array) -> jax.Array:
    """Kernel (3, 3, I, O) as `conv2d_winograd` takes it, (16, I, O)."""
    rows = [kernel[0], (kernel[0] + kernel[1] + kernel[2]) / 2, (kernel[0] - kernel[1] + kernel[2]) / 2, kernel[2]]
    k = jnp.stack(rows)  # (4, 3, I, O)
    columns = [k[:, 0], (k[:, 0] + k[:, 1] + k[:, 2]) / 2, (k[:, 0] - k[:, 1] + k[:, 2]) / 2, k[:, 2]]
    return jnp.stack(columns, axis=1).reshape(16, *kernel.shape[2:])


def conv2d_winograd(x: jax.Array, transformed: jax.Array) -> jax.Array:
    """3x3 convolution in 16 products per 2x2 outputs instead of 36 (Winograd's F(2x2, 3x3), arXiv 1509.09308).

    x (N, H, W, I) with H and W even, `winograd_kernel` (16, I, O) -> (N, H, W, O). Its rounding is that of the direct
    form, unlike that of larger tiles. Done in bands of rows, whose products stay in the processor's cache.
    """
    n, height, width, inputs = x.shape
    rows, columns, outputs = height // 2, width // 2, transformed.shape[-1]  # of tiles
    band = max(size for size in range(1, rows + 1) if rows % size == 0 and (size == 1 or size * columns <= BAND_TILES))
    x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))).reshape(n, rows + 1, 2, columns + 1, 2, inputs)

    def inputs_of(a: jax.Array, b: jax.Array, c: jax.Array, d: jax.Array) -> list[jax.Array]:
        return [a - c, b + c, c - b, b - d]

    def outputs_of(a: jax.Array, b: jax.Array, c: jax.Array, d: jax.Array) -> list[jax.Array]:
        return [a + b + c, b - c - d]

    def convolve_band(i: jax.Array) -> jax.Array:
        start = (i // (rows // band), i % (rows // band) * band, 0, 0, 0, 0)
        tiles = lax.dynamic_slice(x, start, (1, band + 1, 2, columns + 1, 2, inputs))[0]
        v = inputs_of(tiles[:-1, 0], tiles[:-1, 1], tiles[1:, 0], tiles[1:, 1])  # 4 times (band, columns + 1, 2, I)
        v = [jnp.stack(inputs_of(t[:, :-1, 0], t[:, :-1, 1], t[:, 1:, 0], t[:, 1:, 1])) for t in v]
        v = jnp.stack(v).reshape(16, band * columns, inputs)
        y = jnp.einsum("kti,kio->kto", v, transformed).reshape(4, 4, band, columns, outputs)
        y = [jnp.stack(outputs_of(*t), axis=2) for t in outputs_of(*y)]  # 2 times (band, columns, 2, O)
        return jnp.stack(y, axis=1)  # (band, 2, columns, 2, O)

    return lax.map(convolve_band, jnp.arange(n * rows // band)).reshape(n, height, width, outputs)


def per_channel(vector: jax.Array, x: jax.Array) -> jax.Array:
    """A vector (C,) with the axes that it takes to act on the last one of x (..., C)."""
    return lax.broadcast_to_rank(vector, x.ndim)


def depthwise2d(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """A filter of its own for each channel: x (N, H, W, C), kernel (KH, KW, 1, C) -> (N, H, W, C).

    XLA's depthwise convolution on CPUs is some ten times slower than to add up shifted maps.
    """
    return lax.platform_dependent(x, kernel, cpu=depthwise2d_by_shifts, default=depthwise2d_direct)


def depthwise2d_direct(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """`depthwise2d` as the library does it."""
    padding = [(size // 2, size // 2) for size in kernel.shape[:2]]
    dimensions = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(
        x, kernel, (1, 1), padding, dimension_numbers=dimensions, feature_group_count=x.shape[-1]
    )


def depthwise2d_by_shifts(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """`depthwise2d` as a sum of shifted maps, each times one tap: one pass over the memory."""
    return _depthwise2d(x, kernel)


def _sum_of_shifts(x: jax.Array, kernel: jax.Array) -> jax.Array:
    taps = [(i, j) for i in range(kernel.shape[0]) for j in range(kernel.shape[1])]
    padded = _pad_for(kernel.shape, x)
    _, height, width, _ = x.shape
    return sum(padded[:, i : i + height, j : j + width] * per_channel(kernel[i, j, 0], x) for i, j in taps)


def _filtered_gradient(dy: jax.Array, kernel: jax.Array, _: Shape) -> jax.Array:
    """The same filter turned round."""
    return depthwise2d_by_shifts(dy, kernel[::-1, ::-1])


def _filter_gradient(dy: jax.Array, x: jax.Array, shape: Shape) -> jax.Array:
    """One sum over the map per tap."""
    padded, (rows, columns) = _pad_for(shape, x), shape[:2]

    def tap(place: jax.Array) -> jax.Array:  # in a loop: fused into one pass, the sums would be slow
        shifted = lax.dynamic_slice(padded, (0, place // columns, place % columns, 0), x.shape)
        return jnp.sum(shifted * dy, axis=(0, 1, 2))

    return lax.map(tap, jnp.arange(rows * columns)).reshape(shape)


_depthwise2d = with_gradients(_sum_of_shifts, of_first=_filtered_gradient, of_second=_filter_gradient)


def _pad_for(shape: Shape, x: jax.Array) -> jax.Array:
    """Zeros around a map for a kernel of this shape."""
    rows, columns = (size // 2 for size in shape[:2])
    return jnp.pad(x, ((0, 0), (rows, rows), (columns, columns), (0, 0)))


def conv3d(x: jax.Array, kernel: jax.Array, transformed: jax.Array | None = None) -> jax.Array:
    """x (N, D, H, W, I), kernel (KD, KH, KW, I, O) -> (N, D, H, W, O).

    XLA has no fast 3-D convolution on CPUs: there, all depth taps are output channels of one 2-D convolution, whose
    results are then shifted along the depth and added.
    """
    if transformed is not None:
        return conv3d_by_planes(x, kernel, transformed)
    return lax.platform_dependent(x, kernel, cpu=conv3d_by_planes, default=conv3d_direct)


def conv3d_direct(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """`conv3d` as the library does it."""
    padding = [(size // 2, size // 2) for size in kernel.shape[:3]]
    return lax.conv_general_dilated(x, kernel, (1, 1, 1), padding, dimension_numbers=("NDHWC", "DHWIO", "NDHWC"))


def plane_kernel(kernel: jax.Array) -> jax.Array:
    """3-D kernel (KD, KH, KW, I, O) as a 2-D one whose outputs are all depth taps, (KH, KW, I, KD * O)."""
    return kernel.transpose(1, 2, 3, 0, 4).reshape(*kernel.shape[1:4], kernel.shape[0] * kernel.shape[-1])


def conv3d_by_planes(x: jax.Array, kernel: jax.Array, transformed: jax.Array | None = None) -> jax.Array:
    """`conv3d` as one 2-D convolution, in Winograd's form if given the `plane_kernel` for it, and a shifted sum."""
    n, depth, height, width, inputs = x.shape
    taps, outputs = kernel.shape[0], kernel.shape[-1]
    y = conv2d_same(x.reshape(n * depth, height, width, inputs), plane_kernel(kernel), transformed)  # (N D, H, W, KD O)
    return sum_taps(y.reshape(n, depth, height, width, taps, outputs), axis=1, taps_axis=4, factor=1)


def conv_upsampled(x: jax.Array, kernel: jax.Array, factors: Sequence[int]) -> jax.Array:
    """Convolution of a map repeated `factors` times along its axes, without ever making the repeated map.

    x (N, *S, I), kernel (*K, I, O), one factor per spatial axis -> (N, *(S * factors), O). With its tap t, output
    f i + p reads input i + floor((p + t) / f): always one of few neighbours. So every tap is applied once per input, in
    one matrix product, and the outputs are sums of shifted products. For 3x3 kernels that is 9 products per input where
    the repeated map takes 36 (x2) or 144 (x4). Sums are in float32.
    """
    taps = kernel.shape[:-2]
    flat_kernel = jnp.moveaxis(kernel, -2, 0)  # (I, *K, O)
    y = lax.dot_general(x, flat_kernel, (((x.ndim - 1,), (0,)), ((), ())), preferred_element_type=jnp.float32)
    for axis, factor in enumerate(factors, start=1):
        y = sum_taps(y, axis, taps_axis=1 + len(taps), factor=factor)  # first of the taps' axes that are left
    return y.astype(x.dtype)


def sum_taps(y: jax.Array, axis: int, taps_axis: int, factor: int) -> jax.Array:
    """Products of every tap with every input, shifted to the outputs that they belong to and added.

    The axis of inputs becomes `factor` times as long, the axis of taps goes.
    """
    taps, size = y.shape[taps_axis], y.shape[axis]
    products = [lax.index_in_dim(y, tap, taps_axis, keepdims=False) for tap in range(taps)]
    phases = [
        sum(_shift(product, (phase + tap - taps // 2) // factor, axis) for tap, product in enumerate(products))
        for phase in range(factor)
    ]
    if factor == 1:
        return phases[0]
    out = jnp.stack(phases, axis + 1)
    return out.reshape(*out.shape[:axis], size * factor, *out.shape[axis + 2 :])


def _shift(x: jax.Array, offset: int, axis: int) -> jax.Array:
    """out[i] = x[i + offset] along an axis, zeros beyond its ends."""
    if offset == 0:
        return x
    size = x.shape[axis]
    padding = [(0, 0)] * x.ndim
    padding[axis] = (max(-offset, 0), max(offset, 0))
    start = max(offset, 0)
    return lax.slice_in_dim(jnp.pad(x, padding), start, start + size, axis=axis)
