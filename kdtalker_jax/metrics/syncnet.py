"""SyncNet, which judges whether lips move with the speech (Chung and Zisserman, "Out of time", ACCV Workshops 2016).

It makes no part of a video: evaluation alone uses it, as Wav2Lip's does (arXiv 2008.10010, section 4).
"""

from collections.abc import Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike

from kdtalker_jax.metrics.config import SyncNetConfig
from kdtalker_jax.nn.blocks import batch_norm
from kdtalker_jax.nn.convolution import per_channel
from kdtalker_jax.nn.shapes import assert_shape
from kdtalker_jax.parts import Config, Inputs, Part


class Pool(NamedTuple):
    """Largest value of 3 x 3."""

    strides: tuple[int, int]
    padding: int = 0


class Layer(NamedTuple):
    """Convolution, batch norm, ReLU, and a pool where there is one. Sizes are of height and width."""

    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    padding: int = 1
    pool: Pool | None = None


AUDIO_LAYERS = (
    Layer((3, 3)),
    Layer((3, 3), pool=Pool((1, 2))),
    Layer((3, 3)),
    Layer((3, 3)),
    Layer((3, 3), pool=Pool((2, 2))),
    Layer((5, 4), padding=0),
)
LIP_LAYERS = (
    Layer((7, 7), (2, 2), 0, Pool((2, 2))),
    Layer((5, 5), (2, 2), 1, Pool((2, 2), 1)),
    Layer((3, 3)),
    Layer((3, 3)),
    Layer((3, 3), pool=Pool((2, 2))),
    Layer((6, 6), padding=0),
)


class SyncNet(nn.Module):
    """Speech and lips -> features (B, 1024) each, the closer to each other the better the two fit."""

    config: SyncNetConfig
    folded: bool = True
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        common = {"config": self.config, "folded": self.folded, "dtype": self.dtype}
        self.audio_tower = Tower(AUDIO_LAYERS, self.config.audio_widths, **common)
        self.lip_tower = Tower(LIP_LAYERS, self.config.lip_widths, **common)

    def __call__(self, mfcc: jax.Array, frames: jax.Array, train: bool = False) -> tuple[jax.Array, jax.Array]:
        """Features of speech and of lips; arguments as in `embed_audio` and `embed_lips`."""
        return self.embed_audio(mfcc, train), self.embed_lips(frames, train)

    def embed_audio(self, mfcc: jax.Array, train: bool = False) -> jax.Array:
        """Speech of 0.2 s: 20 columns of 13 MFCCs, (B, 20, 13) -> (B, 1024)."""
        assert_shape(mfcc, (None, self.config.columns, self.config.coefficients))
        return self.audio_tower(mfcc.mT[..., None], train)  # in: (B, 13, 20, 1)

    def embed_lips(self, frames: jax.Array, train: bool = False) -> jax.Array:
        """Five frames in a row, BGR in 0..255: (B, 5, 224, 224, 3) -> (B, 1024)."""
        size = self.config.image_size
        assert_shape(frames, (None, self.config.frames, size, size, 3))
        return self.lip_tower(frames, train)


class Tower(nn.Module):
    """Pictures (B, H, W, C) or clips (B, T, H, W, C) -> features (B, 1024), float32."""

    layers: Sequence[Layer]
    widths: Sequence[int]
    config: SyncNetConfig
    folded: bool
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        for i, (layer, width) in enumerate(zip(self.layers, self.widths, strict=True)):
            x = nn.relu(ConvNorm(width, layer, self.folded, self.dtype, name=f"layer_{i}")(x, train))
            if layer.pool is not None:
                x = max_pool(x, layer.pool)
        x = x.reshape(len(x), self.widths[-1])  # (B, 512): one position is left
        x = nn.Dense(self.config.hidden, dtype=self.dtype, name="hidden")(x)
        x = nn.relu(batch_norm(folded=self.folded, train=train, dtype=self.dtype, name="hidden_norm")(x))
        return nn.Dense(self.config.features, dtype=self.dtype, name="features")(x).astype(jnp.float32)


def max_pool(x: jax.Array, pool: Pool) -> jax.Array:
    """(..., H, W, C) -> (..., H', W', C)."""
    leading, padding = x.ndim - 3, (pool.padding, pool.padding)
    window, strides = (1,) * leading + (3, 3, 1), (1,) * leading + (*pool.strides, 1)
    return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, ((0, 0),) * leading + (padding, padding, (0, 0)))


class ConvNorm(nn.Module):
    """Convolution of pictures, or of clips over all their frames at once, and batch norm."""

    features: int
    layer: Layer
    folded: bool
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        kind = nn.Conv if x.ndim == 4 else ClipConv
        padding = ((self.layer.padding,) * 2,) * 2
        x = kind(self.features, self.layer.kernel, self.layer.strides, padding, dtype=self.dtype, name="conv")(x)
        return x if self.folded else batch_norm(folded=False, train=train, dtype=self.dtype, name="norm")(x)


class ClipConv(nn.Module):
    """3-D convolution as deep as the clip is long: (B, T, H, W, I) -> (B, 1, H', W', features).

    That is a 2-D convolution of pictures with T I channels, which is faster on every device.
    """

    features: int
    kernel: tuple[int, int]
    strides: tuple[int, int]
    padding: Sequence[tuple[int, int]]
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        batch, frames, height, width, inputs = x.shape
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (frames, *self.kernel, inputs, self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        x = x.transpose(0, 2, 3, 1, 4).reshape(batch, height, width, frames * inputs)  # (B, H, W, T I)
        kernel = kernel.transpose(1, 2, 0, 3, 4).reshape(*self.kernel, frames * inputs, self.features)
        dimensions = ("NHWC", "HWIO", "NHWC")
        x = lax.conv_general_dilated(x, kernel, self.strides, self.padding, dimension_numbers=dimensions)
        return (x + per_channel(bias, x))[:, None]


def _sound_and_lips(config: Config) -> Inputs:
    sizes = config.syncnet
    sound = jnp.zeros((1, sizes.columns, sizes.coefficients))
    return (sound, jnp.zeros((1, sizes.frames, sizes.image_size, sizes.image_size, 3))), {}


SYNCNET = Part("syncnet", SyncNet, SyncNetConfig, _sound_and_lips, rules="convert.syncnet:SYNCNET", judges=True)
