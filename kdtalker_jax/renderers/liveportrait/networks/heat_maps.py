"""Where keypoints are, as soft spots along the axes of a map."""

import jax
import jax.numpy as jnp

from kdtalker_jax.nn.resampling import identity_axis

HEAT_MAP_VARIANCE = 0.01  # of the spots; the picture is 2 wide


def spots_along(coordinate: jax.Array, size: int) -> jax.Array:
    """Gaussians around one coordinate of keypoints (B, K) along an axis: (B, K, size)."""
    return jnp.exp(-0.5 / HEAT_MAP_VARIANCE * jnp.square(identity_axis(size)[None, None] - coordinate[..., None]))
