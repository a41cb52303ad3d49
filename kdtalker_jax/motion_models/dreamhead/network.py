"""The audio-to-landmark network of DreamHead (arXiv 2409.10281): temporal and mapping units in turn."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from kdtalker_jax.motion_models.dreamhead.config import LandmarkDenoiserConfig
from kdtalker_jax.nn.attention import RotaryAttention
from kdtalker_jax.nn.blocks import LayerNorm
from kdtalker_jax.nn.positions import sinusoid
from kdtalker_jax.nn.shapes import assert_shape

NORM_EPSILON = 1e-5


class TimedNorm(nn.Module):
    """A layer norm, scaled and shifted by what the diffusion time is embedded as, (B, D): plain at first."""

    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, time: jax.Array) -> jax.Array:
        told = nn.Dense(2 * x.shape[-1], kernel_init=nn.initializers.zeros, dtype=self.dtype, name="modulation")
        scale, shift = jnp.split(told(nn.silu(time))[:, None], 2, axis=-1)  # (B, 1, D) each
        plain = LayerNorm(NORM_EPSILON, use_scale=False, use_bias=False, dtype=self.dtype, name="norm")
        return plain(x) * (1 + scale) + shift


class TemporalUnit(nn.Module):
    """Each frame looks at all frames. (B, L, D) kept."""

    heads: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, time: jax.Array) -> jax.Array:
        normed = TimedNorm(self.dtype, name="norm")(x, time)
        return x + RotaryAttention(self.heads, self.dtype, name="attention")(normed)


class MappingUnit(nn.Module):
    """Each frame by itself is told its sound (B, L, D), through fully connected layers. (B, L, D) kept."""

    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, sound: jax.Array, time: jax.Array) -> jax.Array:
        width = x.shape[-1]
        told = jnp.concatenate([TimedNorm(self.dtype, name="norm")(x, time), sound], axis=-1)  # (B, L, 2 D)
        hidden = nn.silu(nn.Dense(2 * width, dtype=self.dtype, name="linear_0")(told))
        return x + nn.Dense(width, dtype=self.dtype, name="linear_1")(hidden)


class LandmarkDenoiser(nn.Module):
    """Predicts the clean landmarks of a window, as offsets from the person's face at rest.

    A sampler computes what does not change over its steps once (`hear`, `identify`, `embed_time`) and calls `move` at
    each.
    """

    config: LandmarkDenoiserConfig
    folded: bool = True  # nothing to fold here; the field is common to all networks
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        config = self.config

        def dense(size: int = config.width, **options: nn.initializers.Initializer) -> nn.Dense:
            return nn.Dense(size, dtype=self.dtype, **options)

        self.motion_in, self.identity_in, self.known_in = dense(), dense(), dense()
        self.audio_in, self.audio_out = dense(config.audio_width), dense()
        self.time_0, self.time_1 = dense(), dense()
        self.temporal = [TemporalUnit(config.heads, self.dtype, name=f"temporal_{i}") for i in range(config.layers)]
        self.mapping = [MappingUnit(self.dtype, name=f"mapping_{i}") for i in range(config.layers)]
        self.norm_out = LayerNorm(NORM_EPSILON, dtype=self.dtype)
        self.motion_out = dense(config.motion_size, kernel_init=nn.initializers.zeros)

    def __call__(
        self, tokens: jax.Array, time: jax.Array, audio: jax.Array, identity: jax.Array, known: jax.Array
    ) -> jax.Array:
        """The clean window: (B, L, 3 N), float32.

        Args:
            tokens: (B, L, 3 N), normalised offsets: noisy ones, and clean ones where they are known.
            time: (B,) int, of diffusion.
            audio: (B, L, W), features of all frames; zeros stand for none.
            identity: (B, 3 N), how the person's face at rest differs from the template.
            known: (B, L) 1 or 0, which frames are clean.
        """
        return self.move(tokens, self.hear(audio), self.identify(identity, known), self.embed_time(time))

    def hear(self, audio: jax.Array) -> jax.Array:
        """Features (B, L, W) -> (B, L, D), each frame with its neighbours' in reach; beyond the window are zeros."""
        config = self.config
        assert_shape(audio, (None, None, config.audio_features))
        length, reach = audio.shape[1], config.audio_reach
        rows = self.audio_in(jnp.pad(audio, ((0, 0), (reach, reach), (0, 0))))  # (B, L + 2 reach, 64)
        windows = [rows[:, i : i + length] for i in range(2 * reach + 1)]
        return self.audio_out(jnp.concatenate(windows, axis=-1))

    def identify(self, identity: jax.Array, known: jax.Array) -> jax.Array:
        """(B, 3 N) and (B, L) -> (B, L, D)"""
        return self.identity_in(identity)[:, None] + self.known_in(known[..., None])

    def embed_time(self, time: jax.Array) -> jax.Array:
        """(B,) -> (B, D)"""
        return self.time_1(nn.silu(self.time_0(sinusoid(time, self.config.width))))

    def move(self, tokens: jax.Array, sound: jax.Array, told: jax.Array, time: jax.Array) -> jax.Array:
        """Tokens (B, L, 3 N), with sound and identity (B, L, D) and time (B, D) -> (B, L, 3 N), float32."""
        assert_shape(tokens, (None, None, self.config.motion_size))
        x = self.motion_in(tokens) + told
        for temporal, mapping in zip(self.temporal, self.mapping, strict=True):
            x = mapping(temporal(x, time), sound, time)
        return self.motion_out(self.norm_out(x)).astype(jnp.float32)
