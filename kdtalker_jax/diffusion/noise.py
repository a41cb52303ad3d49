"""What diffusion adds to motion, and where sampling starts from."""

import jax
import jax.numpy as jnp


def window_noise(key: jax.Array, shape: tuple[int, ...], offset: float) -> jax.Array:
    """Normal noise (..., L, C), and offsets (..., 1, C) of that deviation which all L frames of a window share.

    A denoiser has to be sampled with the offset that it was trained with: with less, windows lie too near each other.
    """
    noise = jax.random.normal(key, shape, jnp.float32)
    if not offset:
        return noise
    *leading, _, channels = shape
    return noise + offset * jax.random.normal(jax.random.fold_in(key, 1), (*leading, 1, channels), jnp.float32)
