"""M: the motion extractor, portrait -> canonical keypoints, head pose, expression (ConvNeXt V2, arXiv 2301.00808)."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from kdtalker_jax.nn.blocks import LayerNorm
from kdtalker_jax.nn.convolution import depthwise2d, per_channel
from kdtalker_jax.nn.shapes import assert_shape
from kdtalker_jax.renderers.liveportrait.config import MotionExtractorConfig

LAYER_NORM_EPSILON = 1e-6


class MotionExtractor(nn.Module):
    """Portrait (B, 256, 256, 3), RGB in [0, 1] -> a dict of float32 arrays.

    kp, exp (B, 63): canonical keypoints and expression, x, y, z of each of the 21 keypoints in turn; scale (B, 1);
    t (B, 3); pitch, yaw, roll (B, 66): logits of the angle bins (`spaces.geometry.degrees_from_bins`).
    """

    config: MotionExtractorConfig
    folded: bool = True  # nothing to fold here; the field is common to all networks
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, image: jax.Array, train: bool = False) -> dict[str, jax.Array]:
        del train  # layer norms only: the same in training
        config = self.config
        assert_shape(image, (None, None, None, 3))
        x = image
        for i, (depth, width) in enumerate(zip(config.depths, config.widths, strict=True)):
            patch = 4 if i == 0 else 2
            downsample = nn.Conv(
                width, (patch, patch), (patch, patch), "VALID", dtype=self.dtype, name=f"downsample_{i}_conv"
            )
            norm = layer_norm(self.dtype, f"downsample_{i}_norm")
            x = norm(downsample(x)) if i == 0 else downsample(norm(x))  # (B, 256 / 4 / 2^i, ..., width)
            for j in range(depth):
                x = ConvNextBlock(dtype=self.dtype, name=f"stage_{i}_block_{j}")(x)
        x = x.astype(jnp.float32).mean(axis=(1, 2))  # (B, 768)
        x = layer_norm(jnp.float32, "norm")(x)
        sizes = {"kp": 3 * config.keypoints, "exp": 3 * config.keypoints, "scale": 1, "t": 3}
        sizes |= dict.fromkeys(("pitch", "yaw", "roll"), config.angle_bins)
        # The heads are tiny and their outputs are coordinates: float32 whatever the compute type.
        return {name: nn.Dense(size, name=f"fc_{name}")(x) for name, size in sizes.items()}


class ConvNextBlock(nn.Module):
    """Depthwise 7x7, layer norm, expansion by 4 with GELU and GRN, projection; plus the input."""

    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        width = x.shape[-1]
        y = DepthwiseConv(7, dtype=self.dtype, name="depthwise")(x)
        y = layer_norm(self.dtype, "norm")(y)
        y = nn.Dense(4 * width, dtype=self.dtype, name="expand")(y)
        y = GlobalResponseNorm(dtype=self.dtype, name="grn")(nn.gelu(y, approximate=False))
        return x + nn.Dense(width, dtype=self.dtype, name="project")(y)


class DepthwiseConv(nn.Module):
    """Filters each channel by itself; parameters as those of an `nn.Conv` with as many groups as channels."""

    kernel: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = (self.kernel, self.kernel, 1, x.shape[-1])
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape)
        bias = self.param("bias", nn.initializers.zeros, x.shape[-1:])
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        return depthwise2d(x, kernel) + per_channel(bias, x)


class GlobalResponseNorm(nn.Module):
    """ConvNeXt V2, section 3.2: channels compete by their L2 norm over the picture. (B, H, W, C) kept."""

    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        gamma = self.param("gamma", nn.initializers.zeros, x.shape[-1:])
        beta = self.param("beta", nn.initializers.zeros, x.shape[-1:])
        x32 = x.astype(jnp.float32)
        energy = jnp.square(x32).sum(axis=(1, 2), keepdims=True)
        response = jnp.sqrt(jnp.maximum(energy, 1e-24))  # (B, 1, 1, C); at 0 the root has no gradient
        response = response / (response.mean(axis=-1, keepdims=True) + 1e-6)
        gamma, beta = per_channel(gamma, x), per_channel(beta, x)
        return (gamma * (x32 * response) + beta + x32).astype(self.dtype)


def layer_norm(dtype: DTypeLike, name: str) -> LayerNorm:
    return LayerNorm(LAYER_NORM_EPSILON, dtype=dtype, name=name)
