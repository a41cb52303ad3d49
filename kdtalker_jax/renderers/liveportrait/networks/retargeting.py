"""S, R: stitching and the retargeting of eyes and lips, three MLPs on keypoints (LivePortrait, section 3.3)."""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from kdtalker_jax.renderers.liveportrait.config import RetargetingConfig


class Retargeting(nn.Module):
    """Three MLPs under one tree; call the methods `stitch`, `lip_delta`, `eye_delta`."""

    config: RetargetingConfig
    folded: bool = True  # nothing to fold here; the field is common to all networks
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        coordinates = 3 * self.config.keypoints
        self.stitching = MLP((*self.config.stitching, coordinates + 2), dtype=self.dtype)
        self.lip = MLP((*self.config.lip, coordinates), dtype=self.dtype)
        self.eye = MLP((*self.config.eye, coordinates), dtype=self.dtype)

    def stitch(self, source: jax.Array, driving: jax.Array) -> jax.Array:
        """Driving keypoints moved so that the shoulders stay with the source: x_d + S(x_s, x_d).

        source, driving (B, 21, 3) -> (B, 21, 3).
        """
        offsets = self.stitching(jnp.concatenate([_flat(source), _flat(driving)], axis=-1))  # (B, 65)
        delta = offsets[:, :-2].reshape(driving.shape)
        shift = jnp.pad(offsets[:, -2:], ((0, 0), (0, 1)))[:, None]  # (B, 1, 3): every keypoint's x and y
        return driving + delta + shift

    def lip_delta(self, source: jax.Array, ratios: jax.Array) -> jax.Array:
        """Keypoint offsets (B, 21, 3) for source (B, 21, 3) and ratios (B, 2) = (of the source, wanted)."""
        return self.lip(jnp.concatenate([_flat(source), ratios], axis=-1)).reshape(source.shape)

    def eye_delta(self, source: jax.Array, ratios: jax.Array) -> jax.Array:
        """Keypoint offsets (B, 21, 3) for source (B, 21, 3) and ratios (B, 3) = (left, right, wanted)."""
        return self.eye(jnp.concatenate([_flat(source), ratios], axis=-1)).reshape(source.shape)

    def __call__(self, source: jax.Array, driving: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """All three at ratio zero; exists to initialise the whole tree at once."""
        ratios = jnp.zeros((source.shape[0], 3), source.dtype)
        return self.stitch(source, driving), self.lip_delta(source, ratios[:, :2]), self.eye_delta(source, ratios)


class MLP(nn.Module):
    """Linear layers with ReLU between them."""

    widths: Sequence[int]
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        for i, width in enumerate(self.widths):
            x = nn.Dense(width, dtype=self.dtype, name=f"layer_{i}")(nn.relu(x) if i else x)
        return x.astype(jnp.float32)


def _flat(keypoints: jax.Array) -> jax.Array:
    return keypoints.reshape(keypoints.shape[0], -1)
