"""Wav2Vec2 and HuBERT: convolutions over the waveform, then a transformer (arXiv 2006.11477, section 2).

Recordings of different lengths share a batch: what lies beyond the end of one changes nothing before it.
"""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from kdtalker_jax.features.wav2vec2.config import Wav2Vec2Config
from kdtalker_jax.nn.shapes import assert_shape

CONV_EPSILON = 1e-5  # of the norms between convolutions

gelu = partial(jax.nn.gelu, approximate=False)


class Wav2Vec2(nn.Module):
    """`convolve`, then `transform`; what comes between is the caller's, who may resample."""

    config: Wav2Vec2Config
    folded: bool = True
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        config = self.config
        sizes = zip(config.conv_widths, config.conv_kernels, config.conv_strides, strict=True)
        grouped = config.conv_norm == "group"
        self.conv = [
            ConvLayer(*size, None if grouped and i else config.conv_norm, config.conv_bias, self.dtype)
            for i, size in enumerate(sizes)
        ]
        norm = partial(nn.LayerNorm, epsilon=config.epsilon, dtype=self.dtype)
        if config.projection_norm:
            self.projection_norm = norm()
        self.projection = nn.Dense(config.width, dtype=self.dtype)
        self.position = PositionConv(config.position_kernel, config.position_groups, self.dtype)
        self.norm = norm()
        self.layer = [Block(config, self.dtype) for _ in range(config.layers)]

    def __call__(self, waveform: jax.Array, statistics: jax.Array) -> jax.Array:
        """Waveforms (B, N) that fill the batch -> the last hidden states (B, T, width)."""
        features = self.convolve(waveform, statistics)
        return self.transform(features, jnp.full(len(features), features.shape[1], jnp.int32))[-1]

    def convolve(self, waveform: jax.Array, statistics: jax.Array) -> jax.Array:
        """Normalised waveforms (B, N) -> frames (B, T, C), no padding.

        Args:
            statistics: (B, 2, C): mean and variance over time of what the first convolution gives; of use to the group
                norm alone.
        """
        assert_shape(statistics, (len(waveform), 2, self.config.conv_widths[0]))
        x = self.conv[0](waveform[..., None], statistics)
        for layer in self.conv[1:]:
            x = layer(x)
        return x

    def project(self, features: jax.Array, valid: jax.Array) -> jax.Array:
        """Frames (B, T, C), of which the first `valid` (B,) count -> (B, T, width), 0 beyond these."""
        x = self.projection_norm(features) if self.config.projection_norm else features
        return self.projection(x) * within(valid, x.shape[1])[..., None].astype(self.dtype)

    def transform(self, features: jax.Array, valid: jax.Array) -> list[jax.Array]:
        """Frames (B, T, C), of which the first `valid` (B,) count -> all hidden states, each (B, T, width), float32.

        The first is what enters the transformer, the others are of its layers; the last is normalised.
        """
        assert_shape(features, (None, None, self.config.conv_widths[-1]))
        x = self.project(features, valid)
        x = x + gelu(self.position(x))  # (B, T, D)
        if not self.config.pre_norm:
            x = self.norm(x)
        states, heard = [x], within(valid, x.shape[1])
        for layer in self.layer:
            states.append(layer(states[-1], heard))
        if self.config.pre_norm:
            states[-1] = self.norm(states[-1])
        return [state.astype(jnp.float32) for state in states]


class ConvLayer(nn.Module):
    """Convolution over time, norm or none, GELU: (B, T, I) -> (B, T', features)."""

    features: int
    kernel: int
    stride: int
    norm: str | None
    bias: bool
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: jax.Array, statistics: jax.Array | None = None) -> jax.Array:
        conv = nn.Conv(
            self.features, (self.kernel,), (self.stride,), "VALID", use_bias=self.bias, dtype=self.dtype, name="conv"
        )
        x = conv(x)
        if self.norm == "layer":
            x = nn.LayerNorm(epsilon=CONV_EPSILON, dtype=self.dtype, name="norm")(x)
        if self.norm == "group":
            x = ChannelNorm(name="norm")(x.astype(jnp.float32), statistics).astype(self.dtype)
        return gelu(x)


class ChannelNorm(nn.Module):
    """A group norm whose groups are single channels, with given mean and variance (B, 2, C): (B, T, C), float32."""

    @nn.compact
    def __call__(self, x: jax.Array, statistics: jax.Array) -> jax.Array:
        scale = self.param("scale", nn.initializers.ones, x.shape[-1:])
        bias = self.param("bias", nn.initializers.zeros, x.shape[-1:])
        mean, variance = statistics[:, :1], statistics[:, 1:]  # (B, 1, C)
        return (x - mean) * jax.lax.rsqrt(variance + CONV_EPSILON) * scale[None, None] + bias[None, None]


class PositionConv(nn.Module):
    """What tells positions apart: a long grouped convolution of as many channels as come in, (B, T, D).

    Padded by half the kernel on both sides; where that gives a frame too many, the last is dropped.
    """

    kernel: int
    groups: int
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        padding = (self.kernel // 2, self.kernel - 1 - self.kernel // 2)
        conv = nn.Conv(
            x.shape[-1], (self.kernel,), padding=[padding], feature_group_count=self.groups, dtype=self.dtype,
            name="conv",
        )  # fmt: skip
        return conv(x)


class Block(nn.Module):
    """Attention among all frames that count, then a feed-forward network: (B, T, D)."""

    config: Wav2Vec2Config
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: jax.Array, heard: jax.Array) -> jax.Array:
        config = self.config
        norm = partial(nn.LayerNorm, epsilon=config.epsilon, dtype=self.dtype)
        attention, attention_norm = Attention(config.heads, self.dtype, name="attention"), norm(name="attention_norm")
        inner, outer = (
            nn.Dense(width, dtype=self.dtype, name=name)
            for name, width in (("inner", config.inner), ("outer", config.width))
        )
        outer_norm = norm(name="outer_norm")
        if config.pre_norm:
            x = x + attention(attention_norm(x), heard)
            return x + outer(gelu(inner(outer_norm(x))))
        x = attention_norm(x + attention(x, heard))
        return outer_norm(x + outer(gelu(inner(x))))


class Attention(nn.Module):
    """Each frame to all frames `heard` (B, T): (B, T, D)."""

    heads: int
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: jax.Array, heard: jax.Array) -> jax.Array:
        width = x.shape[-1]

        def split(name: str) -> jax.Array:
            projected = nn.Dense(width, dtype=self.dtype, name=name)(x)
            return projected.reshape(*x.shape[:2], self.heads, width // self.heads)  # (B, T, H, D / H)

        query, key, value = split("query"), split("key"), split("value")
        logits = jnp.einsum("bqhd,bkhd->bhqk", query * (width // self.heads) ** -0.5, key).astype(jnp.float32)
        logits = jnp.where(heard[:, None, None], logits, jnp.finfo(jnp.float32).min)
        weights = jax.nn.softmax(logits).astype(self.dtype)  # (B, H, T, T)
        x = jnp.einsum("bhqk,bkhd->bqhd", weights, value).reshape(x.shape)
        return nn.Dense(width, dtype=self.dtype, name="out")(x)


def within(valid: jax.Array, length: int) -> jax.Array:
    """(B,) -> (B, length): whether a frame is among the first `valid`."""
    return jnp.arange(length, dtype=jnp.int32)[None] < valid[:, None]
