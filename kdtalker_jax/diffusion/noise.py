"""What diffusion adds to motion, and where sampling starts from."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Noise(NamedTuple):
    """All that is random in a window."""

    start: jax.Array  # (B, L, D)
    key: jax.Array  # (B,) of samplers that add some


def window_noise(key: jax.Array, shape: tuple[int, ...], offset: float) -> jax.Array:
    """Normal noise (..., L, C), and offsets (..., 1, C) of that deviation which all L frames of a window share.

    A denoiser has to be sampled with the offset that it was trained with: with less, windows lie too near each other.
    """
    noise = jax.random.normal(key, shape, jnp.float32)
    if not offset:
        return noise
    *leading, _, channels = shape
    return noise + offset * jax.random.normal(jax.random.fold_in(key, 1), (*leading, 1, channels), jnp.float32)


def noise_of_window(
    keys: jax.Array, index: int, shape: tuple[int, ...], offset: float, given: np.ndarray | None = None
) -> Noise:
    """Of window `index` of requests with keys (B,): from these alone, so that a longer recording begins with the same.

    Args:
        shape: (L, D) of a window.
        offset: see `window_noise`.
        given: (B, L, D) where it starts, instead of the keys'.
    """
    of_start, of_sampler = (_folded(_folded(keys, index), use) for use in range(2))
    if given is not None:
        return Noise(jnp.asarray(given, jnp.float32), of_sampler)
    return Noise(jnp.stack([window_noise(key, shape, offset) for key in of_start]), of_sampler)


def noise_of_calls(noise: Noise, calls: int, offset: float) -> jax.Array:
    """What a sampler of so many calls adds, (calls - 1, B, L, D): each request's from its own key."""
    shape = (calls - 1, *noise.start.shape[1:])
    return jax.vmap(lambda key: window_noise(key, shape, offset), out_axes=1)(noise.key)


def _folded(keys: jax.Array, number: int) -> jax.Array:
    return jax.vmap(jax.random.fold_in, (0, None))(keys, number)
