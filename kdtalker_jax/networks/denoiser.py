"""D: the spatiotemporal denoiser, noisy motion and audio -> noise (KDTalker, arXiv 2503.12963)."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from configs.networks import DenoiserConfig

PREFIX = 2  # tokens before the window: canonical keypoints, reference frame


class Denoiser(nn.Module):
    """Predicts the noise in a window of motion.

    tokens (B, 2 + L, 70): canonical keypoints, reference frame, then the noisy frames, all normalised; time (B,): the
    diffusion timestep; audio (B, 2 + L, 512): two zero tokens, then one feature per frame -> (B, 2 + L, 70), float32.
    The first two outputs mean nothing.
    """

    config: DenoiserConfig
    folded: bool = True  # nothing to fold here; the field is common to all networks
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, tokens: jax.Array, time: jax.Array, audio: jax.Array, train: bool = False) -> jax.Array:
        del train  # no dropout, no batch statistics: the same in training
        config = self.config
        length = tokens.shape[1]
        chex.assert_shape(tokens, (None, length, config.motion_size))
        chex.assert_shape(audio, (None, length, config.audio_features))
        dense = {"dtype": self.dtype}

        embedding = sinusoid(time, config.width)  # (B, 768)
        embedding = nn.silu(nn.Dense(config.time_features, **dense, name="time_0")(embedding))
        embedding = nn.Dense(config.time_features, **dense, name="time_1")(embedding)  # (B, 256)
        embedding = jnp.broadcast_to(embedding[:, None], (*tokens.shape[:2], config.time_features))
        condition = nn.silu(jnp.concatenate([embedding, audio.astype(self.dtype)], axis=-1))  # (B, 66, 768)

        table = self.param("relative_bias", nn.initializers.normal(), (config.bias_buckets, config.heads))
        bias = table[relative_buckets(length, config.bias_buckets, config.bias_max_distance)]  # (66, 66, heads)

        x = nn.Dense(config.width, **dense, name="input_projection")(tokens)  # (B, 66, 768)
        for i in range(config.layers):
            x = ResidualBlock(dtype=self.dtype, name=f"layer_{i}_residual_0")(x, condition)
            x = ResidualBlock(dtype=self.dtype, name=f"layer_{i}_residual_1")(x, condition)
            x = Attention(config, dtype=self.dtype, name=f"layer_{i}_attention")(x, bias)
        return nn.Dense(config.motion_size, **dense, name="output_projection")(x).astype(jnp.float32)


class ResidualBlock(nn.Module):
    """Two linear maps per token, the first modulated by the condition; plus the input. (B, L, C) kept."""

    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array) -> jax.Array:
        width = x.shape[-1]
        modulation = nn.Dense(2 * width, dtype=self.dtype, name="modulation")(condition)
        scale, shift = jnp.split(modulation, 2, axis=-1)
        y = nn.Dense(width, dtype=self.dtype, name="linear_0")(x)
        y = layer_norm(self.dtype)(y) * (1 + scale) + shift
        y = nn.Dense(width, dtype=self.dtype, name="linear_1")(nn.silu(y))
        return x + nn.silu(y)


class Attention(nn.Module):
    """Self-attention over all tokens, rotary positions and a relative bias; plus the input. (B, L, C) kept."""

    config: DenoiserConfig
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, bias: jax.Array) -> jax.Array:
        config = self.config
        heads, size = config.heads, config.head_size
        qkv = nn.Dense(3 * heads * size, use_bias=False, dtype=self.dtype, name="qkv")(layer_norm(self.dtype)(x))
        q, k, v = jnp.moveaxis(qkv.reshape(*x.shape[:2], 3, heads, size), 2, 0)  # each (B, L, heads, 64)
        frequencies = self.param("rotary_frequencies", rotary_frequencies, config.rotary_size)
        frequencies = jax.lax.stop_gradient(frequencies)  # stored in the checkpoint, but never trained
        q, k = rotate(q * size**-0.5, frequencies), rotate(k, frequencies)
        logits = jnp.einsum("bqhc,bkhc->bhqk", q, k, preferred_element_type=jnp.float32)
        weights = jax.nn.softmax(logits + bias.transpose(2, 0, 1), axis=-1)  # (B, heads, L, L), float32
        y = jnp.einsum("bhqk,bkhc->bqhc", weights.astype(self.dtype), v)
        return x + nn.Dense(x.shape[-1], dtype=self.dtype, name="projection")(y.reshape(*x.shape[:2], heads * size))


def layer_norm(dtype: DTypeLike) -> nn.LayerNorm:
    return nn.LayerNorm(1e-5, dtype=dtype, use_fast_variance=False, name="norm")


def sinusoid(time: jax.Array, width: int) -> jax.Array:
    """Embedding of timesteps (B,) -> (B, width): sines, then cosines, of frequencies from 1 down to 1e-4."""
    half = width // 2
    frequencies = jnp.exp(jnp.arange(half, dtype=jnp.float32) * (-np.log(1e4) / (half - 1)))
    angles = time.astype(jnp.float32)[:, None] * frequencies
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)


def rotary_frequencies(key: jax.Array | None, size: int) -> jax.Array:
    """(size / 2,) = 10000^(-2 i / size); an initializer, hence the key, which is not used (RoFormer, section 3.2)."""
    return jnp.asarray(1e4 ** (-np.arange(0, size, 2) / size), jnp.float32)


def rotate(x: jax.Array, frequencies: jax.Array) -> jax.Array:
    """Turns the pairs (0, 1), (2, 3), ... of each head's leading numbers by position times frequency.

    x (B, L, heads, C), frequencies (R / 2,) -> x's shape; the numbers from R on stay.
    """
    angles = jnp.arange(x.shape[1], dtype=jnp.float32)[:, None] * frequencies  # (L, R / 2)
    cos, sin = jnp.cos(angles)[:, None], jnp.sin(angles)[:, None]  # (L, 1, R / 2)
    turned, rest = jnp.split(x, [2 * frequencies.size], axis=-1)
    pairs = turned.astype(jnp.float32).reshape(*turned.shape[:-1], -1, 2)
    a, b = pairs[..., 0], pairs[..., 1]
    turned = jnp.stack([a * cos - b * sin, b * cos + a * sin], axis=-1).reshape(turned.shape)
    return jnp.concatenate([turned.astype(x.dtype), rest], axis=-1)


def relative_buckets(length: int, buckets: int, max_distance: int) -> np.ndarray:
    """T5's bucket of each pair (query, key), int (L, L): exact when near, logarithmic when far (arXiv 1910.10683)."""
    offset = np.arange(length)[:, None] - np.arange(length)[None, :]
    half, exact = buckets // 2, buckets // 4
    distance = np.maximum(np.abs(offset), 1)  # the logarithm is not used below `exact`
    far = np.log(distance / np.float32(exact)) / np.log(max_distance / exact) * (half - exact)
    bucket = np.where(np.abs(offset) < exact, np.abs(offset), np.minimum(half - 1, exact + far.astype(np.int64)))
    return bucket + half * (offset < 0)
