"""Layers that several networks share.

Every module with batch or spectral norm has a field `folded`. Training trees (`folded=False`) hold the statistics
beside the kernels, in the collections `batch_stats` and `spectral`; inference trees (`folded=True`) have them
multiplied into the kernels by `folding.fold`.
"""

import math
from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike

from kdtalker_jax.nn.convolution import (
    conv2d_same,
    conv3d,
    conv_upsampled,
    per_channel,
    plane_kernel,
    winograd_kernel,
    winograd_pays,
)
from kdtalker_jax.nn.folding import NORM_EPSILON
from kdtalker_jax.nn.fourier import conv3d_fourier, fourier_kernel, fourier_pays


def conv2d(
    features: int, kernel: int, *, strides: Sequence[int] = (1, 1), padding: int | None = None, **kwargs
) -> nn.Conv:
    """A 2-D convolution padded as PyTorch pads it: the same on both sides, `kernel // 2` unless given."""
    pad = kernel // 2 if padding is None else padding
    return nn.Conv(features, (kernel, kernel), strides, ((pad, pad), (pad, pad)), **kwargs)


def average_pool(x: jax.Array, window: Sequence[int]) -> jax.Array:
    """Means over windows side by side (..., C). As `nn.avg_pool`, which strict promotion of dtypes refuses."""
    return nn.pool(x, 0.0, lax.add, window, window, "VALID") / math.prod(window)


def upsample_nearest(x: jax.Array, factor: int, axes: Sequence[int]) -> jax.Array:
    """Repeats each entry `factor` times along the axes."""
    for axis in axes:
        x = jnp.repeat(x, factor, axis=axis)
    return x


def winograd_form(module: nn.Module, x: jax.Array, kernel: jax.Array) -> jax.Array | None:
    """The 2-D kernel as `conv2d_winograd` takes it, or None for the plain form."""
    return _transformed_kernel(module, x, kernel, winograd_pays, winograd_kernel)


def _transformed_kernel(module: nn.Module, x: jax.Array, kernel: jax.Array, pays, transform) -> jax.Array | None:
    """A layer's kernel from the collection `transformed`, which inference on CPUs alone has.

    A renderer's `prepare` fills it by a call in which it is mutable. To transform a kernel costs as much as to convolve
    with it, hence once and not per frame.
    """
    if module.is_initializing() or x.dtype != jnp.float32:
        return None
    if module.is_mutable_collection("transformed") and pays(kernel, *x.shape[-3:-1]):
        module.put_variable("transformed", "kernel", transform(kernel))
    return module.get_variable("transformed", "kernel")


class ConvParameters(nn.Module):
    """The kernel (*kernel_size, inputs, features) and bias (features,) of a convolution, named as in `nn.Conv`."""

    features: int
    kernel_size: Sequence[int]
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, inputs: int) -> tuple[jax.Array, jax.Array]:
        kernel = self.param("kernel", self.kernel_init, (*self.kernel_size, inputs, self.features))
        return kernel, self.param("bias", nn.initializers.zeros, (self.features,))


class Conv2d(ConvParameters):
    """Convolution of a map first repeated `upsample` times, f: (N, H, W, I) -> (N, f H, f W, features)."""

    upsample: int = 1
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x, kernel, bias = nn.dtypes.promote_dtype(x, *super().__call__(x.shape[-1]), dtype=self.dtype)
        if self.upsample > 1:
            return conv_upsampled(x, kernel, (self.upsample, self.upsample)) + per_channel(bias, x)
        return conv2d_same(x, kernel, winograd_form(self, x, kernel)) + per_channel(bias, x)


class Pointwise(ConvParameters):
    """A convolution of one position, `kernel_size` all ones: a linear layer (..., I) -> (..., features)."""

    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x, kernel, bias = nn.dtypes.promote_dtype(x, *super().__call__(x.shape[-1]), dtype=self.dtype)
        return x @ kernel.reshape(kernel.shape[-2:]) + per_channel(bias, x)


class Conv3d(nn.Module):
    """Linear layer over 3-D neighbourhoods: (N, D, H, W, I) -> (N, D, H, W, features).

    With `upsample` the input's height and width are first repeated so many times.
    """

    features: int
    kernel: int
    upsample: int = 1
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = (self.kernel, self.kernel, self.kernel, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        bias = per_channel(bias, x)
        if self.kernel == 1:
            return x @ kernel[0, 0, 0] + bias
        if self.upsample > 1:
            return conv_upsampled(x, kernel, (1, self.upsample, self.upsample)) + bias
        planes = plane_kernel(kernel)
        if self.kernel > 3:
            transformed = _transformed_kernel(self, x, planes, fourier_pays, fourier_kernel)
            return (conv3d(x, kernel) if transformed is None else conv3d_fourier(x, transformed, shape[:3])) + bias
        return conv3d(x, kernel, winograd_form(self, x, planes)) + bias


class Affine(nn.Module):
    """What a batch norm becomes once its statistics are fixed: scale and offset per channel."""

    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        scale = self.param("scale", nn.initializers.ones, x.shape[-1:])
        bias = self.param("bias", nn.initializers.zeros, x.shape[-1:])
        x, scale, bias = nn.dtypes.promote_dtype(x, scale, bias, dtype=self.dtype)
        return x * per_channel(scale, x) + per_channel(bias, x)


class BatchNorm(nn.BatchNorm):
    """Flax's, which lets bfloat16 become float32 where it counts: also in programs that have forbidden that."""

    def __call__(self, x: jax.Array) -> jax.Array:
        with jax.numpy_dtype_promotion("standard"):
            return super().__call__(x)


class LayerNorm(nn.LayerNorm):
    """Flax's, like `BatchNorm`. Means are taken before the variance, in two passes: exact far from zero."""

    use_fast_variance: bool = False

    def __call__(self, x: jax.Array) -> jax.Array:
        with jax.numpy_dtype_promotion("standard"):
            return super().__call__(x)


class GroupNorm(nn.GroupNorm):
    """Flax's, like `LayerNorm`."""

    use_fast_variance: bool = False

    def __call__(self, x: jax.Array) -> jax.Array:
        with jax.numpy_dtype_promotion("standard"):
            return super().__call__(x)


def batch_norm(*, folded: bool, train: bool, dtype: DTypeLike, name: str, axis_name: str | None = None) -> nn.Module:
    """A batch norm that stands alone; its statistics are float32 whatever the compute type.

    Training statistics are those of the whole batch, also where it is split over the devices of a mapped axis.
    """
    if folded:
        return Affine(dtype=dtype, name=name)
    return BatchNorm(
        use_running_average=not train,
        momentum=0.9,
        epsilon=NORM_EPSILON,
        dtype=dtype,
        axis_name=axis_name if train else None,
        name=name,
    )


class ConvNorm(nn.Module):
    """Convolution, then batch norm. `dimensions` 2 or 3; strides and padding for 2 only, upsampling for 3 only."""

    features: int
    kernel: int
    dimensions: int = 2
    strides: Sequence[int] = (1, 1)
    padding: int | None = None
    upsample: int = 1
    folded: bool = True
    dtype: DTypeLike = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        if self.folded and train:
            raise ValueError("a folded tree has no batch statistics left to train; build the module with folded=False")
        if self.dimensions == 3:
            x = Conv3d(self.features, self.kernel, self.upsample, dtype=self.dtype, name="conv")(x)
        else:
            x = conv2d(
                self.features, self.kernel, strides=self.strides, padding=self.padding, dtype=self.dtype, name="conv"
            )(x)
        if self.folded:
            return x
        return batch_norm(folded=False, train=train, dtype=self.dtype, axis_name=self.axis_name, name="norm")(x)


class SpectralConv(nn.Module):
    """2-D convolution whose kernel is divided by its largest singular value.

    Each training call makes one step of power iteration (arXiv 1802.05957, algorithm 1). The collection `spectral`
    holds the singular vectors u (O,) and v (I*KH*KW,), the latter in PyTorch's order.
    """

    features: int
    kernel: int
    use_bias: bool = True
    folded: bool = True
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        shape = (self.kernel, self.kernel, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,)) if self.use_bias else None
        if not self.folded:
            kernel = kernel / self._largest_singular_value(kernel, train)
        x, kernel = nn.dtypes.promote_dtype(x, kernel, dtype=self.dtype)
        y = conv2d_same(x, kernel, winograd_form(self, x, kernel))
        return y if bias is None else y + per_channel(bias.astype(y.dtype), y)

    def _largest_singular_value(self, kernel: jax.Array, train: bool) -> jax.Array:
        matrix = kernel.transpose(3, 2, 0, 1).reshape(self.features, -1)  # (O, I*KH*KW)
        u = self.variable("spectral", "u", lambda: _unit(jnp.ones(matrix.shape[0], jnp.float32)))
        v = self.variable("spectral", "v", lambda: _unit(jnp.ones(matrix.shape[1], jnp.float32)))
        if train:
            fixed = lax.stop_gradient(matrix)
            v.value = _unit(fixed.T @ u.value)
            u.value = _unit(fixed @ v.value)
        return u.value @ matrix @ v.value


def _unit(x: jax.Array) -> jax.Array:
    return x / jnp.maximum(jnp.linalg.norm(x), 1e-12)
