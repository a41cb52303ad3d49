"""The forms that a convolution takes: the same numbers for less arithmetic, or for arithmetic that a backend does well.

All convolutions here have stride 1, "same" padding with zeros and odd kernels, channels last.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax


def conv2d_direct(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """x (N, H, W, I), kernel (KH, KW, I, O) -> (N, H, W, O)."""
    padding = [(size // 2, size // 2) for size in kernel.shape[:2]]
    return lax.conv_general_dilated(x, kernel, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def conv3d(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """x (N, D, H, W, I), kernel (KD, KH, KW, I, O) -> (N, D, H, W, O).

    XLA has no fast 3-D convolution on CPUs: there, all depth taps are output channels of one 2-D convolution, whose
    results are then shifted along the depth and added.
    """
    return lax.platform_dependent(x, kernel, cpu=conv3d_by_planes, default=conv3d_direct)


def conv3d_direct(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """`conv3d` as the library does it."""
    padding = [(size // 2, size // 2) for size in kernel.shape[:3]]
    return lax.conv_general_dilated(x, kernel, (1, 1, 1), padding, dimension_numbers=("NDHWC", "DHWIO", "NDHWC"))


def conv3d_by_planes(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """`conv3d` as one 2-D convolution and a shifted sum."""
    n, depth, height, width, inputs = x.shape
    taps, outputs = kernel.shape[0], kernel.shape[-1]
    flat_kernel = kernel.transpose(1, 2, 3, 0, 4).reshape(*kernel.shape[1:4], taps * outputs)
    y = conv2d_direct(x.reshape(n * depth, height, width, inputs), flat_kernel)  # (N D, H, W, KD O)
    return _sum_taps(y.reshape(n, depth, height, width, taps, outputs), axis=1, taps_axis=4, factor=1)


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
        y = _sum_taps(y, axis, taps_axis=1 + len(taps), factor=factor)  # first of the taps' axes that are left
    return y.astype(x.dtype)


def _sum_taps(y: jax.Array, axis: int, taps_axis: int, factor: int) -> jax.Array:
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
