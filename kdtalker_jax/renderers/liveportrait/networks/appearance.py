"""F: the appearance feature extractor, portrait -> feature volume (LivePortrait, after face-vid2vid)."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from kdtalker_jax.nn.blocks import Conv3d, ConvNorm, average_pool, batch_norm, conv2d
from kdtalker_jax.nn.shapes import assert_shape
from kdtalker_jax.renderers.liveportrait.config import AppearanceConfig


class AppearanceExtractor(nn.Module):
    """Portrait (B, 256, 256, 3), RGB in [0, 1] -> feature volume f_s (B, 16, 64, 64, 32) as (B, D, H, W, C)."""

    config: AppearanceConfig
    folded: bool = True
    dtype: DTypeLike = jnp.float32
    axis_name: str | None = None  # of a mapped axis that batch norms average over in training

    @nn.compact
    def __call__(self, image: jax.Array, train: bool = False) -> jax.Array:
        config = self.config
        assert_shape(image, (None, config.image_size, config.image_size, 3))
        common = {"folded": self.folded, "dtype": self.dtype, "axis_name": self.axis_name}
        x = nn.relu(ConvNorm(config.widths[0], 3, **common, name="first")(image, train))  # (B, 256, 256, 64)
        for i, width in enumerate(config.widths[1:]):
            x = nn.relu(ConvNorm(width, 3, **common, name=f"down_{i}")(x, train))
            x = average_pool(x, (2, 2))  # (B, 128, 128, 128), then (B, 64, 64, 256)
        channels, depth = config.volume_channels, config.volume_depth
        x = conv2d(channels * depth, 1, dtype=self.dtype, name="second")(x)  # (B, 64, 64, 512), channel = c * 16 + d
        x = x.reshape(*x.shape[:3], channels, depth).transpose(0, 4, 1, 2, 3)  # (B, 16, 64, 64, 32)
        for i in range(config.residual_blocks):
            x = ResidualBlock3d(**common, name=f"residual_{i}")(x, train)
        return x


class ResidualBlock3d(nn.Module):
    """Twice norm, ReLU, 3x3x3 convolution; plus the input. Shape (B, D, H, W, C) is kept."""

    folded: bool = True
    dtype: DTypeLike = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        width = x.shape[-1]
        common = {"folded": self.folded, "dtype": self.dtype, "axis_name": self.axis_name}
        y = nn.relu(batch_norm(train=train, **common, name="norm1")(x))
        # The second norm follows the first convolution directly, so the two fold into one.
        y = nn.relu(ConvNorm(width, 3, dimensions=3, **common, name="conv1")(y, train))
        return x + Conv3d(width, 3, dtype=self.dtype, name="conv2")(y)
