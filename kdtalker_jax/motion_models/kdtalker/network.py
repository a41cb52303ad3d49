"""D: the spatiotemporal denoiser, noisy motion and audio -> noise (KDTalker, arXiv 2503.12963)."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from kdtalker_jax.motion_models.kdtalker.config import DenoiserConfig
from kdtalker_jax.nn.blocks import LayerNorm
from kdtalker_jax.nn.convolution import per_channel
from kdtalker_jax.nn.positions import rotary_frequencies, rotate, sinusoid
from kdtalker_jax.nn.shapes import assert_shape

PREFIX = 2  # tokens before the window: canonical keypoints, reference frame

Terms = list[jax.Array]  # one of each residual block


class Denoiser(nn.Module):
    """Predicts the noise in a window of motion.

    tokens (B, 2 + L, 70): canonical keypoints, reference frame, then the noisy frames, all normalised; time (B,): the
    diffusion timestep; audio (B, 2 + L, 512): two zero tokens, then one feature per frame -> (B, 2 + L, 70), float32.
    The first two outputs mean nothing.

    Time and audio act through the modulation of each residual block alone, as a sum of two terms. A sampler computes
    the terms of all its times and those of the audio once, and calls `predict` at each step.
    """

    config: DenoiserConfig
    folded: bool = True  # nothing to fold here; the field is common to all networks
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        config = self.config
        self.time_0 = nn.Dense(config.time_features, dtype=self.dtype)
        self.time_1 = nn.Dense(config.time_features, dtype=self.dtype)
        self.input_projection = nn.Dense(config.width, dtype=self.dtype)
        self.output_projection = nn.Dense(config.motion_size, dtype=self.dtype)
        self.relative_bias = self.param("relative_bias", nn.initializers.normal(), (config.bias_buckets, config.heads))
        self.residuals = [
            ResidualBlock(config, dtype=self.dtype, name=f"layer_{i}_residual_{j}")
            for i in range(config.layers)
            for j in range(2)
        ]
        self.attentions = [
            Attention(config, dtype=self.dtype, name=f"layer_{i}_attention") for i in range(config.layers)
        ]

    def __call__(self, tokens: jax.Array, time: jax.Array, audio: jax.Array, train: bool = False) -> jax.Array:
        del train  # no dropout, no batch statistics: the same in training
        return self.predict(tokens, self.terms_of_time(time), self.terms_of_audio(audio))

    def terms_of_time(self, time: jax.Array) -> Terms:
        """What the times (B,) add to the modulation of each residual block: (B, 2 * width) each."""
        embedding = sinusoid(time, self.config.width)  # (B, 768)
        embedding = self.time_1(nn.silu(self.time_0(embedding)))  # (B, 256)
        return [block.modulation.of_time(embedding) for block in self.residuals]

    def terms_of_audio(self, audio: jax.Array) -> Terms:
        """What the audio (B, 2 + L, 512) adds to it: (B, 2 + L, 2 * width) each."""
        return [block.modulation.of_audio(audio) for block in self.residuals]

    def predict(self, tokens: jax.Array, of_time: Terms, of_audio: Terms) -> jax.Array:
        """`__call__` with the terms of its time and audio."""
        config, length = self.config, tokens.shape[1]
        assert_shape(tokens, (None, length, config.motion_size))
        assert_shape(of_audio, (None, length, 2 * config.width))
        buckets = relative_buckets(length, config.bias_buckets, config.bias_max_distance)
        bias = self.relative_bias[buckets]  # (66, 66, heads)
        modulations = [audio + time[:, None] for audio, time in zip(of_audio, of_time, strict=True)]

        x = self.input_projection(tokens)  # (B, 66, 768)
        for i, attention in enumerate(self.attentions):
            for j in (2 * i, 2 * i + 1):
                x = self.residuals[j](x, modulations[j])
            x = attention(x, bias)
        return self.output_projection(x).astype(jnp.float32)


class ResidualBlock(nn.Module):
    """Two linear maps per token, the first modulated by (B, L, 2 C); plus the input. (B, L, C) kept."""

    config: DenoiserConfig
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        self.modulation = Modulation(self.config, dtype=self.dtype)
        self.linear_0 = nn.Dense(self.config.width, dtype=self.dtype)
        self.linear_1 = nn.Dense(self.config.width, dtype=self.dtype)
        self.norm = layer_norm(self.dtype)

    def __call__(self, x: jax.Array, modulation: jax.Array) -> jax.Array:
        scale, shift = jnp.split(modulation, 2, axis=-1)
        y = self.norm(self.linear_0(x)) * (1 + scale) + shift
        return x + nn.silu(self.linear_1(nn.silu(y)))


class Modulation(nn.Module):
    """Linear map of SiLU(time, audio), which is exactly the sum of a map of each."""

    config: DenoiserConfig
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        config = self.config
        shape = (config.time_features + config.audio_features, 2 * config.width)
        self.kernel = self.param("kernel", nn.initializers.lecun_normal(), shape)
        self.bias = self.param("bias", nn.initializers.zeros, shape[1:])

    def of_time(self, embedding: jax.Array) -> jax.Array:
        """(B, 256) -> (B, 2 * width)"""
        kernel = self.kernel[: self.config.time_features]
        embedding, kernel, bias = nn.dtypes.promote_dtype(embedding, kernel, self.bias, dtype=self.dtype)
        return nn.silu(embedding) @ kernel + per_channel(bias, embedding)

    def of_audio(self, audio: jax.Array) -> jax.Array:
        """(B, L, 512) -> (B, L, 2 * width)"""
        kernel = self.kernel[self.config.time_features :]
        audio, kernel = nn.dtypes.promote_dtype(audio, kernel, dtype=self.dtype)
        return nn.silu(audio) @ kernel


class Attention(nn.Module):
    """Self-attention over all tokens, rotary positions and a relative bias; plus the input. (B, L, C) kept."""

    config: DenoiserConfig
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, bias: jax.Array) -> jax.Array:
        config = self.config
        heads, size = config.heads, config.head_size
        qkv = nn.Dense(3 * heads * size, use_bias=False, dtype=self.dtype, name="qkv")(
            layer_norm(self.dtype, name="norm")(x)
        )
        q, k, v = jnp.moveaxis(qkv.reshape(*x.shape[:2], 3, heads, size), 2, 0)  # each (B, L, heads, 64)
        frequencies = self.param("rotary_frequencies", rotary_frequencies, config.rotary_size)
        frequencies = jax.lax.stop_gradient(frequencies)  # stored in the checkpoint, but never trained
        q, k = rotate(q * size**-0.5, frequencies), rotate(k, frequencies)
        logits = jnp.einsum("bqhc,bkhc->bhqk", q, k, preferred_element_type=jnp.float32)
        weights = jax.nn.softmax(logits + bias.transpose(2, 0, 1)[None], axis=-1)  # (B, heads, L, L), float32
        y = jnp.einsum("bhqk,bkhc->bqhc", weights.astype(self.dtype), v)
        return x + nn.Dense(x.shape[-1], dtype=self.dtype, name="projection")(y.reshape(*x.shape[:2], heads * size))


def layer_norm(dtype: DTypeLike, name: str | None = None) -> LayerNorm:
    return LayerNorm(1e-5, dtype=dtype, name=name)


def relative_buckets(length: int, buckets: int, max_distance: int) -> np.ndarray:
    """T5's bucket of each pair (query, key), int (L, L): exact when near, logarithmic when far (arXiv 1910.10683)."""
    offset = np.arange(length)[:, None] - np.arange(length)[None, :]
    half, exact = buckets // 2, buckets // 4
    distance = np.maximum(np.abs(offset), 1)  # the logarithm is not used below `exact`
    far = np.log(distance / np.float32(exact)) / np.log(max_distance / exact) * (half - exact)
    bucket = np.where(np.abs(offset) < exact, np.abs(offset), np.minimum(half - 1, exact + far.astype(np.int64)))
    return bucket + half * (offset < 0)
