"""The U-Net of latent diffusion (arXiv 2112.10752, after arXiv 2105.05233), without cross-attention."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from kdtalker_jax.nn.blocks import Conv2d, GroupNorm, Pointwise, conv2d
from kdtalker_jax.nn.shapes import assert_shape
from kdtalker_jax.renderers.latent.config import UNetConfig

NORM_EPSILON = 1e-5
LONGEST_PERIOD = 1e4  # of the time's waves, over 2 pi


class UNet(nn.Module):
    """Noisy latents, their time and conditions beside them -> `config.prediction` of them, float32 (B, h, w, C).

    Blocks are counted along the whole way down, then along the whole way up, as published: `input_0` is the first
    convolution, and each halving counts too. There is no norm with statistics, so `folded` changes nothing.
    """

    config: UNetConfig
    folded: bool = True
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, time: jax.Array, conditions: jax.Array) -> jax.Array:
        """What `config.prediction` names of x.

        Args:
            x: (B, h, w, C).
            time: (B,) int, from 0.
            conditions: (B, h, w, `condition_channels`): latents of the masked target, the reference, and the landmarks
                of both.
        """
        config = self.config
        assert_shape(x, (None, None, None, config.channels))
        assert_shape(conditions, (*x.shape[:3], config.condition_channels))
        time = nn.silu(self._embed(time))  # (B, 896)
        x = jnp.concatenate([x, conditions], axis=-1).astype(self.dtype)  # (B, 64, 64, 15)
        x = Conv2d(config.width, (3, 3), dtype=self.dtype, name="input_0")(x)
        x, skipped = self._down(x, time)  # (B, 8, 8, 896)
        x = self._residual("middle_0", x, time, x.shape[-1])
        x = self._attention("middle_1", x)
        x = self._residual("middle_2", x, time, x.shape[-1])
        x = self._up(x, time, skipped)  # (B, 64, 64, 224)
        x = nn.silu(GroupNorm(config.groups, epsilon=NORM_EPSILON, dtype=self.dtype, name="norm_out")(x))
        last = Conv2d(config.channels, (3, 3), nn.initializers.zeros, dtype=self.dtype, name="conv_out")
        return last(x).astype(jnp.float32)

    def _embed(self, time: jax.Array) -> jax.Array:
        """(B,) -> (B, 4 width)."""
        width = 4 * self.config.width
        hidden = nn.Dense(width, dtype=self.dtype, name="time_0")(waves(time, self.config.width))
        return nn.Dense(width, dtype=self.dtype, name="time_1")(nn.silu(hidden))

    def _down(self, x: jax.Array, time: jax.Array) -> tuple[jax.Array, list[jax.Array]]:
        """The coarsest map, and all that the way up is reminded of."""
        config, skipped = self.config, [x]
        for level, multiplier in enumerate(config.multipliers):
            for _ in range(config.blocks):
                index = len(skipped)
                x = self._residual(f"input_{index}_residual", x, time, config.width * multiplier)
                if 2**level in config.attention:
                    x = self._attention(f"input_{index}_attention", x)
                skipped.append(x)
            if level < len(config.multipliers) - 1:
                halve = conv2d(x.shape[-1], 3, strides=(2, 2), dtype=self.dtype, name=f"input_{len(skipped)}_halve")
                x = halve(x)
                skipped.append(x)
        return x, skipped

    def _up(self, x: jax.Array, time: jax.Array, skipped: list[jax.Array]) -> jax.Array:
        config, index = self.config, 0
        for level, multiplier in reversed(list(enumerate(config.multipliers))):
            attends = 2**level in config.attention
            for block in range(config.blocks + 1):
                x = jnp.concatenate([x, skipped.pop()], axis=-1)
                x = self._residual(f"output_{index}_residual", x, time, config.width * multiplier)
                if attends:
                    x = self._attention(f"output_{index}_attention", x)
                if level and block == config.blocks:
                    # Published files count what an entry holds, so the name depends on whether attention comes before.
                    name = f"output_{index}_double_{2 if attends else 1}"
                    x = Conv2d(x.shape[-1], (3, 3), upsample=2, dtype=self.dtype, name=name)(x)
                index += 1
        return x

    def _residual(self, name: str, x: jax.Array, time: jax.Array, width: int) -> jax.Array:
        return Residual(width, self.config.groups, self.dtype, name=name)(x, time)

    def _attention(self, name: str, x: jax.Array) -> jax.Array:
        return Attention(self.config.head_width, self.config.groups, self.dtype, name=name)(x)


def waves(time: jax.Array, width: int) -> jax.Array:
    """Times (B,) -> (B, width), cosines and then sines of periods up to `LONGEST_PERIOD`, float32."""
    rates = np.exp(-np.log(np.float32(LONGEST_PERIOD)) * np.arange(width // 2, dtype=np.float32) / (width // 2))
    phases = time.astype(jnp.float32)[:, None] * rates.astype(np.float32)[None]
    return jnp.concatenate([jnp.cos(phases), jnp.sin(phases)], axis=-1)


class Residual(nn.Module):
    """Norm, SiLU, convolution, the time added per channel, and again; plus the input: (B, h, w, I) -> (B, h, w, width).

    `time` (B, 4 width of the network), behind its SiLU.
    """

    width: int
    groups: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, time: jax.Array) -> jax.Array:
        y = nn.silu(GroupNorm(self.groups, epsilon=NORM_EPSILON, dtype=self.dtype, name="norm_in")(x))
        y = Conv2d(self.width, (3, 3), dtype=self.dtype, name="conv_in")(y)
        y += nn.Dense(self.width, dtype=self.dtype, name="time")(time)[:, None, None]
        y = nn.silu(GroupNorm(self.groups, epsilon=NORM_EPSILON, dtype=self.dtype, name="norm_out")(y))
        y = Conv2d(self.width, (3, 3), nn.initializers.zeros, dtype=self.dtype, name="conv_out")(y)
        if x.shape[-1] != self.width:
            x = Pointwise(self.width, (1, 1), dtype=self.dtype, name="shortcut")(x)
        return x + y


class Attention(nn.Module):
    """Heads over all positions; plus the input. Shape (B, h, w, C) is kept; the softmax is float32."""

    head_width: int
    groups: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        batch, height, width, channels = x.shape
        if channels % self.head_width:
            raise ValueError(f"{channels} channels are not heads of {self.head_width}")
        y = GroupNorm(self.groups, epsilon=NORM_EPSILON, dtype=self.dtype, name="norm")(x)
        qkv = Pointwise(3 * channels, (1,), dtype=self.dtype, name="qkv")(y)
        # Of each head q, k and v side by side, then those of the next.
        qkv = qkv.reshape(batch, height * width, channels // self.head_width, 3, self.head_width)
        q, k, v = (qkv[..., i, :] for i in range(3))  # (B, h w, heads, head width) each
        scale = self.head_width**-0.25
        scores = jnp.einsum("bihc,bjhc->bhij", q * scale, k * scale, preferred_element_type=jnp.float32)
        y = jnp.einsum("bhij,bjhc->bihc", nn.softmax(scores).astype(v.dtype), v)
        return x + Pointwise(channels, (1,), nn.initializers.zeros, dtype=self.dtype, name="projection")(
            y.reshape(x.shape)
        )
