"""Blocks of Playmate's networks: aligner, Conformer (arXiv 2005.08100), DiT (arXiv 2212.09748). (B, T, D) kept."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from kdtalker_jax.nn.attention import RotaryAttention
from kdtalker_jax.nn.blocks import LayerNorm
from kdtalker_jax.nn.convolution import per_channel


def layer_norm(dtype: DTypeLike, name: str, **options: bool) -> LayerNorm:
    return LayerNorm(1e-5, dtype=dtype, name=name, **options)


class Mlp(nn.Module):
    """D -> expansion D -> D, exact GELU."""

    expansion: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        y = nn.Dense(self.expansion * x.shape[-1], dtype=self.dtype, name="linear_0")(x)
        return nn.Dense(x.shape[-1], dtype=self.dtype, name="linear_1")(nn.gelu(y, approximate=False))


class AlignerBlock(nn.Module):
    """An encoder layer, normalised before each half."""

    heads: int
    expansion: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = x + RotaryAttention(self.heads, self.dtype, name="attention")(layer_norm(self.dtype, "attention_norm")(x))
        return x + Mlp(self.expansion, self.dtype, name="mlp")(layer_norm(self.dtype, "mlp_norm")(x))


class FeedForward(nn.Module):
    """Norm, D -> expansion D, SiLU, D."""

    expansion: int
    dropout: float
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        drop = nn.Dropout(self.dropout, deterministic=not train)
        y = nn.Dense(self.expansion * x.shape[-1], dtype=self.dtype, name="linear_0")(layer_norm(self.dtype, "norm")(x))
        return drop(nn.Dense(x.shape[-1], dtype=self.dtype, name="linear_1")(drop(nn.silu(y))))


class Depthwise(nn.Module):
    """A convolution of each channel over time, padded with zeros: a sum of shifted frames, which fuses everywhere."""

    kernel: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (self.kernel, x.shape[-1]))
        bias = self.param("bias", nn.initializers.zeros, x.shape[-1:])
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        before = (self.kernel - 1) // 2
        padded = jnp.pad(x, ((0, 0), (before, self.kernel - 1 - before), (0, 0)))
        shifted = (padded[:, i : i + x.shape[1]] * per_channel(kernel[i], x) for i in range(self.kernel))
        return sum(shifted, per_channel(bias, x))


class ConvolutionModule(nn.Module):
    """Norm, gated linear unit, depthwise convolution, norm, SiLU, linear.

    A layer norm stands where the original has a batch norm, which padding and small batches would disturb.
    """

    kernel: int
    dropout: float
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        y = nn.Dense(2 * x.shape[-1], dtype=self.dtype, name="linear_0")(layer_norm(self.dtype, "norm")(x))
        y = Depthwise(self.kernel, self.dtype, name="depthwise")(nn.glu(y))
        y = nn.silu(layer_norm(self.dtype, "conv_norm")(y))
        y = nn.Dense(x.shape[-1], dtype=self.dtype, name="linear_1")(y)
        return nn.Dropout(self.dropout, deterministic=not train)(y)


class ConformerBlock(nn.Module):
    """Half a feed-forward network, attention, convolution, the other half; told a condition (B, T, D) first."""

    heads: int
    expansion: int
    kernel: int
    dropout: float
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array, train: bool) -> jax.Array:
        first, second = (
            FeedForward(self.expansion, self.dropout, self.dtype, name=f"feed_forward_{i}") for i in range(2)
        )
        told = nn.Dense(x.shape[-1], kernel_init=nn.initializers.zeros, dtype=self.dtype, name="condition")
        x = x + told(nn.silu(condition))
        x = x + first(x, train) / 2
        x = x + RotaryAttention(self.heads, self.dtype, name="attention")(layer_norm(self.dtype, "attention_norm")(x))
        x = x + ConvolutionModule(self.kernel, self.dropout, self.dtype, name="convolution")(x, train)
        x = x + second(x, train) / 2
        return layer_norm(self.dtype, "norm")(x)


class DitBlock(nn.Module):
    """Attention and an MLP, each scaled, shifted and gated by a condition (B, T, D): the identity at first."""

    heads: int
    expansion: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array) -> jax.Array:
        zeros = nn.initializers.zeros
        modulation = nn.Dense(6 * x.shape[-1], kernel_init=zeros, dtype=self.dtype, name="modulation")
        told = jnp.split(modulation(nn.silu(condition)), 6, axis=-1)
        halves = (
            RotaryAttention(self.heads, self.dtype, name="attention"),
            Mlp(self.expansion, self.dtype, name="mlp"),
        )
        for half, (gate, shift, scale) in zip(halves, (told[:3], told[3:]), strict=True):
            plain = layer_norm(self.dtype, f"{half.name}_norm", use_scale=False, use_bias=False)
            x = x + gate * half(plain(x) * (1 + scale) + shift)
        return x
