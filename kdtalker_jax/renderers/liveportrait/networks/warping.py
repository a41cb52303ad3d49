"""W: the warping module, feature volume and keypoints -> warped feature map (face-vid2vid, arXiv 2011.15126)."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from kdtalker_jax.nn.blocks import Conv3d, ConvNorm, average_pool, conv2d
from kdtalker_jax.nn.resampling import identity_grid, sample_translated, sample_volume
from kdtalker_jax.nn.shapes import assert_shape
from kdtalker_jax.renderers.liveportrait.config import WarpingConfig
from kdtalker_jax.renderers.liveportrait.networks.heat_maps import spots_along


class Warp(NamedTuple):
    """features (B, 64, 64, 256), times the occlusion; occlusion (B, 64, 64, 1); deformation (B, 16, 64, 64, 3);
    flow (B, 64, 64, 2), where the configuration has one: from where each point of the picture comes."""

    features: jax.Array
    occlusion: jax.Array
    deformation: jax.Array
    flow: jax.Array | None = None


class WarpingModule(nn.Module):
    """Moves the source's feature volume from the source's keypoints x_s to the driving keypoints x_d.

    `compress` depends on the portrait alone: call it once and hand its result to `warp` for every frame. One portrait
    (leading size 1) serves any number of driving frames.
    """

    config: WarpingConfig
    folded: bool = True
    dtype: DTypeLike = jnp.float32
    axis_name: str | None = None  # of a mapped axis that batch norms average over in training

    def setup(self) -> None:
        config = self.config
        common = {"folded": self.folded, "dtype": self.dtype, "axis_name": self.axis_name}
        self.compression = ConvNorm(config.compressed_channels, 1, dimensions=3, **common)
        self.hourglass = Hourglass(config, **common)
        self.mask = Conv3d(config.keypoints + 1, config.wide_kernel, dtype=self.dtype)
        self.occlusion = conv2d(1, config.wide_kernel, dtype=self.dtype)
        self.third = ConvNorm(config.output_channels, 3, **common)
        self.fourth = conv2d(config.output_channels, 1, dtype=self.dtype)
        if config.flow:
            self.surface = conv2d(config.volume_depth, config.wide_kernel, dtype=self.dtype)

    def compress(self, volume: jax.Array, train: bool = False) -> jax.Array:
        """Feature volume (B, D, H, W, 32) -> the few channels (B, D, H, W, 4) that motion is estimated from."""
        return nn.relu(self.compression(volume, train))

    def warp(
        self, volume: jax.Array, compressed: jax.Array, *, source: jax.Array, driving: jax.Array, train: bool = False
    ) -> Warp:
        """volume, compressed and source keypoints (B or 1, ...), driving keypoints (B, 21, 3) -> Warp."""
        self._check_shapes(volume, compressed, source, driving)
        batch, depth, channels = driving.shape[0], volume.shape[1], volume.shape[-1]
        shift = (source - driving).astype(jnp.float32)  # (B, 21, 3): each candidate motion is a pure translation
        motion_input = self._candidates(compressed, source, driving, shift)  # (B, D, H, W, 110)
        prediction = self.hourglass(motion_input, train)  # (B, D, H, W, 142)
        deformation = self._deformation(prediction, shift)  # (B, D, H, W, 3)
        occlusion = jax.nn.sigmoid(self.occlusion(_depth_to_channels(prediction)).astype(jnp.float32))  # (B, H, W, 1)

        warped = _over_batch(sample_volume, volume.astype(self.dtype), deformation)  # (B, D, H, W, 32)
        assert_shape(warped, (batch, depth, None, None, channels))
        x = nn.leaky_relu(self.third(_depth_to_channels(warped), train), 0.01)  # (B, H, W, 256)
        x = self.fourth(x) * occlusion.astype(self.dtype)
        return Warp(x, occlusion, deformation, self._flow(prediction, deformation) if self.config.flow else None)

    def __call__(self, volume: jax.Array, *, source: jax.Array, driving: jax.Array, train: bool = False) -> Warp:
        """`compress` and `warp` in one, for training."""
        return self.warp(volume, self.compress(volume, train), source=source, driving=driving, train=train)

    def _candidates(self, compressed: jax.Array, source: jax.Array, driving: jax.Array, shift: jax.Array) -> jax.Array:
        """The hourglass's input (B, D, H, W, 22 * 5): per candidate its heat map, then the features moved by it."""
        shape = compressed.shape[1:4]
        heat = _heat_maps(driving, shape) - _heat_maps(source, shape)  # (B, D, H, W, 21)
        heat = jnp.pad(heat, ((0, 0),) * 4 + ((1, 0),))  # candidate 0, the identity, has none
        shift = jnp.pad(shift, ((0, 0), (1, 0), (0, 0)))  # (B, 22, 3)
        moved = _over_batch(sample_translated, compressed.astype(jnp.float32), shift)  # (B, D, H, W, 22, 4)
        candidates = jnp.concatenate([heat[..., None], moved], axis=-1)  # (B, D, H, W, 22, 5)
        return candidates.reshape(*candidates.shape[:4], -1).astype(self.dtype)

    def _deformation(self, prediction: jax.Array, shift: jax.Array) -> jax.Array:
        """The candidates' mean under the mask. As the mask sums to 1, the identity grid adds unweighted."""
        mask = jax.nn.softmax(self.mask(prediction).astype(jnp.float32), axis=-1)  # (B, D, H, W, 22)
        return identity_grid(mask.shape[1:4])[None] + jnp.einsum("bdhwk,bkc->bdhwc", mask[..., 1:], shift)

    def _flow(self, prediction: jax.Array, deformation: jax.Array) -> jax.Array:
        """What is seen at a point lies at some depth of the volume: the mean movement there. (B, H, W, 2)"""
        depth = jax.nn.softmax(self.surface(_depth_to_channels(prediction)).astype(jnp.float32), axis=-1)
        moved = deformation - identity_grid(deformation.shape[1:4])[None]  # (B, D, H, W, 3)
        return jnp.einsum("bhwd,bdhwc->bhwc", depth, moved[..., :2])

    def _check_shapes(self, volume: jax.Array, compressed: jax.Array, source: jax.Array, driving: jax.Array) -> None:
        config, size = self.config, self.config.feature_size
        assert_shape(volume, (None, config.volume_depth, size, size, config.volume_channels))
        assert_shape(compressed, (None, config.volume_depth, size, size, config.compressed_channels))
        assert_shape([source, driving], (None, config.keypoints, 3))


class Hourglass(nn.Module):
    """U-shaped network over (height, width); the depth keeps its size. (B, D, H, W, 110) -> (B, D, H, W, 32 + 110)."""

    config: WarpingConfig
    folded: bool = True
    dtype: DTypeLike = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        config = self.config
        widths = [
            min(config.hourglass_max_width, config.hourglass_width * 2**i) for i in range(config.hourglass_blocks + 1)
        ]
        common = {"dimensions": 3, "folded": self.folded, "dtype": self.dtype, "axis_name": self.axis_name}
        skips = [x]
        for i, width in enumerate(widths[1:]):
            x = nn.relu(ConvNorm(width, 3, **common, name=f"down_{i}")(x, train))
            x = average_pool(x, (1, 2, 2))
            skips.append(x)
        skips.pop()  # the innermost map is the decoder's input
        for i, width in enumerate(reversed(widths[:-1])):
            x = nn.relu(ConvNorm(width, 3, upsample=2, **common, name=f"up_{i}")(x, train))
            x = jnp.concatenate([x, skips.pop()], axis=-1)
        return nn.relu(ConvNorm(x.shape[-1], 3, **common, name="last")(x, train))


def _heat_maps(keypoints: jax.Array, shape: tuple[int, int, int]) -> jax.Array:
    """Gaussians around keypoints (B, K, 3) -> (B, D, H, W, K), each the product of three one-dimensional ones."""
    keypoints = keypoints.astype(jnp.float32)
    z, y, x = (spots_along(keypoints[..., axis], size) for axis, size in zip((2, 1, 0), shape, strict=True))
    return jnp.einsum("bkz,bky,bkx->bzyxk", z, y, x)


def _depth_to_channels(volume: jax.Array) -> jax.Array:
    """(B, D, H, W, C) -> (B, H, W, C * D), channel = c * D + d as in the published weights."""
    batch, depth, height, width, channels = volume.shape
    return volume.transpose(0, 2, 3, 4, 1).reshape(batch, height, width, channels * depth)


def _over_batch(function, portraits: jax.Array, frames: jax.Array) -> jax.Array:
    """vmap over frames; a single portrait is shared instead of copied."""
    if portraits.shape[0] == 1:
        return jax.vmap(function, in_axes=(None, 0))(portraits[0], frames)
    return jax.vmap(function)(portraits, frames)
