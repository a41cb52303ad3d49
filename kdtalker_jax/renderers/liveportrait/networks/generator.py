"""G: the generator, warped feature map -> picture (SPADE decoder, arXiv 1903.07291)."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from kdtalker_jax.nn.blocks import Conv2d, ConvParameters, SpectralConv, upsample_nearest, winograd_form
from kdtalker_jax.nn.convolution import conv2d_same, per_channel
from kdtalker_jax.nn.folding import NORM_EPSILON
from kdtalker_jax.nn.shapes import assert_shape
from kdtalker_jax.renderers.liveportrait.config import GeneratorConfig
from kdtalker_jax.renderers.liveportrait.networks.heat_maps import spots_along

SLOPE = 0.2  # of every leaky ReLU here
PAINTED = "painted"  # the collection in which a blended picture's own part is
SPREAD_UNITS = 4.0  # what is told in a spot is in quarters of the face's spread: a lid's way is small


class SpadeGenerator(nn.Module):
    """Warped features (B, 64, 64, 256) -> RGB (B, 512, 512, 3) in [0, 1], float32.

    Where the configuration says so, `portrait` is the source moved to where it is now, of the size of what comes out,
    and a mask that is learnt says where that is better than what is painted: detail that no feature carries.

    Likewise `source` and `driving` keypoints (1 or B, K, 3) and (B, K, 3) are shown to it: lids and lips move by less
    than a place of the feature map, which warping alone does not tell.
    """

    config: GeneratorConfig
    folded: bool = True
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(
        self,
        features: jax.Array,
        portrait: jax.Array | None = None,
        source: jax.Array | None = None,
        driving: jax.Array | None = None,
        train: bool = False,
    ) -> jax.Array:
        config = self.config
        assert_shape(features, (None, None, None, config.input_channels))
        features = features.astype(self.dtype)
        if config.keypoints:
            assert_shape([source, driving], (None, config.keypoints, 3))
            spots = shown_keypoints(source, driving, features.shape[1]).astype(self.dtype)
            shown = Conv2d(config.input_channels, (3, 3), nn.initializers.zeros, dtype=self.dtype, name="keypoints")
            features = features + shown(spots)
        common = {"modulation_width": config.modulation_width, "folded": self.folded, "dtype": self.dtype}
        x = Conv2d(config.width, (3, 3), dtype=self.dtype, name="fc")(features)  # (B, 64, 64, 512)
        for i in range(config.middle_blocks):
            x = SpadeBlock(config.width, **common, name=f"middle_{i}")(x, features, train)
        for i, width in enumerate(config.up_widths):
            x = upsample_nearest(x, 2, axes=(1, 2))
            x = SpadeBlock(width, **common, name=f"up_{i}")(x, features, train)  # (B, 128, 128, 256), (B, 256, 256, 64)
        x = nn.leaky_relu(x, SLOPE)
        factor, channels = config.pixel_shuffle, 3 + config.portrait
        if config.portrait:
            x = jnp.concatenate([x, pixel_unshuffle(portrait.astype(self.dtype), factor)], axis=-1)
        x = Conv2d(channels * factor**2, (3, 3), dtype=self.dtype, name="conv_img")(x)  # (B, 256, 256, 12)
        x = jax.nn.sigmoid(pixel_shuffle(x, factor).astype(jnp.float32))
        if not config.portrait:
            return x
        painted, mask = x[..., :3], x[..., 3:]
        if not self.is_initializing():
            self.sow(PAINTED, PAINTED, painted)  # for whoever asks for that collection
        return mask * portrait + (1 - mask) * painted


class SpadeBlock(nn.Module):
    """Residual block whose norms are modulated by the feature map: (B, h, w, I) -> (B, h, w, width)."""

    width: int
    modulation_width: int
    folded: bool = True
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, features: jax.Array, train: bool = False) -> jax.Array:
        inputs = x.shape[-1]
        conv = {"folded": self.folded, "dtype": self.dtype}

        def norm(name: str, x: jax.Array) -> jax.Array:
            return SpadeNorm(self.modulation_width, dtype=self.dtype, name=name)(x, features)

        y = nn.leaky_relu(norm("norm_0", x), SLOPE)
        y = SpectralConv(min(inputs, self.width), 3, **conv, name="conv_0")(y, train)
        y = nn.leaky_relu(norm("norm_1", y), SLOPE)
        y = SpectralConv(self.width, 3, **conv, name="conv_1")(y, train)
        if inputs != self.width:
            x = SpectralConv(self.width, 1, use_bias=False, **conv, name="conv_s")(norm("norm_s", x), train)
        return x + y


class SpadeNorm(nn.Module):
    """Instance norm, then scale and offset predicted per pixel from the feature map (SPADE, equation 1)."""

    modulation_width: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, features: jax.Array) -> jax.Array:
        upsample = x.shape[1] // features.shape[1]
        shared = Conv2d(self.modulation_width, (3, 3), upsample=upsample, dtype=self.dtype, name="shared")
        hidden = nn.relu(shared(features))  # (B, h, w, 128)
        gamma, beta = jnp.split(self._modulation(hidden, x.shape[-1]), 2, axis=-1)  # (B, h, w, C) each
        return instance_norm(x) * (1 + gamma) + beta

    def _modulation(self, hidden: jax.Array, channels: int) -> jax.Array:
        """Two convolutions of the same map as one: (B, h, w, 128) -> gamma, then beta, (B, h, w, 2 C)."""
        parameters = [ConvParameters(channels, (3, 3), name=name)(hidden.shape[-1]) for name in ("gamma", "beta")]
        kernel, bias = (jnp.concatenate(pair, axis=-1).astype(self.dtype) for pair in zip(*parameters, strict=True))
        return conv2d_same(hidden, kernel, winograd_form(self, hidden, kernel)) + per_channel(bias, hidden)


def shown_keypoints(source: jax.Array, driving: jax.Array, size: int) -> jax.Array:
    """Spots at driving keypoints (B, K, 3), and in each where they and those of the source (1 or B, K, 3) lie in their
    face: (B, size, size, 5 K)."""
    x, y = (spots_along(driving[..., axis], size) for axis in range(2))  # (B, K, size)
    places = jnp.concatenate([_in_face(driving), jnp.broadcast_to(_in_face(source), driving[..., :2].shape)], axis=-1)
    told = jnp.concatenate([jnp.ones_like(places[..., :1]), places], axis=-1)  # (B, K, 5)
    spots = jnp.einsum("bky,bkx,bkc->byxkc", y, x, told)
    return spots.reshape(*spots.shape[:3], -1)


def _in_face(keypoints: jax.Array) -> jax.Array:
    """x and y (B, K, 2) of keypoints (B, K, 3) from their middle, by their spread."""
    flat = keypoints[..., :2].astype(jnp.float32)
    flat = flat - flat.mean(axis=1, keepdims=True)
    spread = jnp.sqrt(jnp.square(flat).mean(axis=(1, 2), keepdims=True) + 1e-6)
    return SPREAD_UNITS * flat / spread


def instance_norm(x: jax.Array) -> jax.Array:
    """Zero mean and unit variance per picture and channel over (B, H, W, C); statistics in float32."""
    x32 = x.astype(jnp.float32)
    mean = x32.mean(axis=(1, 2), keepdims=True)
    variance = jnp.square(x32 - mean).mean(axis=(1, 2), keepdims=True)
    return ((x32 - mean) * jax.lax.rsqrt(variance + NORM_EPSILON)).astype(x.dtype)


def pixel_shuffle(x: jax.Array, factor: int) -> jax.Array:
    """(B, H, W, C f^2) -> (B, H f, W f, C): out[f h + i, f w + j, c] = in[h, w, c f^2 + i f + j]."""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height, width, channels // factor**2, factor, factor)
    return x.transpose(0, 1, 4, 2, 5, 3).reshape(batch, height * factor, width * factor, -1)


def pixel_unshuffle(x: jax.Array, factor: int) -> jax.Array:
    """The inverse of `pixel_shuffle`: (B, H f, W f, C) -> (B, H, W, C f^2)."""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height // factor, factor, width // factor, factor, channels)
    return x.transpose(0, 1, 3, 5, 2, 4).reshape(batch, height // factor, width // factor, channels * factor**2)
