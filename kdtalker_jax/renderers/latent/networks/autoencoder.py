"""The autoencoder of latent diffusion (VQ-f4: arXiv 2112.10752, after VQGAN, arXiv 2012.09841)."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from kdtalker_jax.nn.blocks import Conv2d, GroupNorm, Pointwise
from kdtalker_jax.nn.shapes import assert_shape
from kdtalker_jax.renderers.latent.config import AutoencoderConfig

NORM_EPSILON = 1e-6


class Autoencoder(nn.Module):
    """Pictures (B, H, W, 3) in [-1, 1] -> latents (B, H/4, W/4, 3), their nearest codes, and back.

    There is no norm with statistics, so `folded` changes nothing.
    """

    config: AutoencoderConfig
    folded: bool = True
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        config = self.config
        self.encoder = Encoder(config, self.dtype)
        self.decoder = Decoder(config, self.dtype)
        self.quant_conv = Pointwise(config.code_width, (1, 1), dtype=self.dtype)
        self.post_quant_conv = Pointwise(config.latent_channels, (1, 1), dtype=self.dtype)
        shape, bound = (config.codes, config.code_width), 1 / config.codes
        self.codebook = self.param("codebook", lambda key: jax.random.uniform(key, shape, jnp.float32, -bound, bound))

    def __call__(self, images: jax.Array) -> jax.Array:
        """The pictures that are left of pictures, float32."""
        quantised, _ = self.quantise(self.encode(images))
        return self.decode(quantised)

    def encode(self, images: jax.Array) -> jax.Array:
        """(B, H, W, 3) -> z (B, h, w, C), float32, before quantisation."""
        assert_shape(images, (None, None, None, 3))
        return self.quant_conv(self.encoder(images)).astype(jnp.float32)

    def quantise(self, z: jax.Array) -> tuple[jax.Array, jax.Array]:
        """z (B, h, w, C) -> the nearest codes (B, h, w, C), and which they are, int32 (B, h, w)."""
        assert_shape(z, (None, None, None, self.config.code_width))
        indices = jax.lax.map(lambda latent: nearest(latent, self.codebook), z)
        return self.codebook[indices], indices

    def decode(self, quantised: jax.Array) -> jax.Array:
        """Codes (B, h, w, C) -> pictures (B, H, W, 3), float32, about in [-1, 1]."""
        return self.decoder(self.post_quant_conv(quantised)).astype(jnp.float32)


def nearest(latent: jax.Array, codebook: jax.Array) -> jax.Array:
    """(h, w, C), (K, C) -> int32 (h, w), the code of the smallest squared distance.

    Summed channel by channel, so that the distances to all codes of all positions are never in memory at once.
    """
    distances = sum(
        jnp.square(latent[..., channel, None] - codebook[None, None, :, channel])
        for channel in range(codebook.shape[1])
    )
    return jnp.argmin(distances, axis=-1).astype(jnp.int32)


def norm_swish(x: jax.Array, groups: int, dtype: DTypeLike, name: str) -> jax.Array:
    """Group norm, a module of that name where it is called, then swish."""
    return nn.silu(GroupNorm(groups, epsilon=NORM_EPSILON, dtype=dtype, name=name)(x))


class Encoder(nn.Module):
    """(B, H, W, 3) -> (B, H/4, W/4, latent channels)."""

    config: AutoencoderConfig
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        config, dtype = self.config, self.dtype
        x = Conv2d(config.width, (3, 3), dtype=dtype, name="conv_in")(x)  # (B, 256, 256, 128)
        for level, multiplier in enumerate(config.multipliers):
            for block in range(config.blocks):
                name = f"down_{level}_block_{block}"
                x = Block(config.width * multiplier, config.groups, dtype, name=name)(x)
            if level < len(config.multipliers) - 1:
                halve = nn.Conv(x.shape[-1], (3, 3), (2, 2), ((0, 1), (0, 1)), dtype=dtype, name=f"down_{level}_halve")
                x = halve(x)  # (B, 128, 128, 128), then (B, 64, 64, 256)
        x = Middle(config.groups, dtype, name="mid")(x)  # (B, 64, 64, 512)
        x = norm_swish(x, config.groups, dtype, "norm_out")
        return Conv2d(config.latent_channels, (3, 3), dtype=dtype, name="conv_out")(x)


class Decoder(nn.Module):
    """(B, h, w, latent channels) -> (B, 4 h, 4 w, 3). Levels are counted from the finest, as published."""

    config: AutoencoderConfig
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        config, dtype = self.config, self.dtype
        x = Conv2d(config.width * config.multipliers[-1], (3, 3), dtype=dtype, name="conv_in")(x)  # (B, 64, 64, 512)
        x = Middle(config.groups, dtype, name="mid")(x)
        for level, multiplier in reversed(list(enumerate(config.multipliers))):
            for block in range(config.blocks + 1):
                name = f"up_{level}_block_{block}"
                x = Block(config.width * multiplier, config.groups, dtype, name=name)(x)
            if level:
                double = Conv2d(x.shape[-1], (3, 3), upsample=2, dtype=dtype, name=f"up_{level}_double")
                x = double(x)  # (B, 128, 128, 512), then (B, 256, 256, 256); at the end (B, 256, 256, 128)
        x = norm_swish(x, config.groups, dtype, "norm_out")  # (B, 256, 256, 128)
        return Conv2d(3, (3, 3), dtype=dtype, name="conv_out")(x)


class Block(nn.Module):
    """Twice norm, swish, 3x3 convolution; plus the input: (B, H, W, I) -> (B, H, W, width)."""

    width: int
    groups: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        y = norm_swish(x, self.groups, self.dtype, "norm1")
        y = Conv2d(self.width, (3, 3), dtype=self.dtype, name="conv1")(y)
        y = norm_swish(y, self.groups, self.dtype, "norm2")
        y = Conv2d(self.width, (3, 3), dtype=self.dtype, name="conv2")(y)
        if x.shape[-1] != self.width:
            x = Pointwise(self.width, (1, 1), dtype=self.dtype, name="shortcut")(x)
        return x + y


class Middle(nn.Module):
    """Block, attention, block. Shape (B, h, w, C) is kept."""

    groups: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = Block(x.shape[-1], self.groups, self.dtype, name="block_1")(x)
        x = Attention(self.groups, self.dtype, name="attention")(x)
        return Block(x.shape[-1], self.groups, self.dtype, name="block_2")(x)


class Attention(nn.Module):
    """One head over all positions; plus the input. Shape (B, h, w, C) is kept; the softmax is float32."""

    groups: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        batch, height, width, channels = x.shape

        def linear(name: str, x: jax.Array) -> jax.Array:
            return Pointwise(channels, (1, 1), dtype=self.dtype, name=name)(x)

        y = GroupNorm(self.groups, epsilon=NORM_EPSILON, dtype=self.dtype, name="norm")(x)
        q, k, v = (linear(name, y).reshape(batch, height * width, channels) for name in ("q", "k", "v"))
        scores = jnp.einsum("bic,bjc->bij", q, k, preferred_element_type=jnp.float32)  # (B, h w, h w)
        weights = nn.softmax(scores / math.sqrt(channels)).astype(v.dtype)
        y = jnp.einsum("bij,bjc->bic", weights, v).reshape(x.shape)
        return x + linear("projection", y)
