"""Places in time as numbers: sinusoids of diffusion times, rotary positions of frames."""

import math

import jax
import jax.numpy as jnp
import numpy as np


def sinusoid(time: jax.Array, width: int) -> jax.Array:
    """Embedding of timesteps (B,) -> (B, width): sines, then cosines, of frequencies from 1 down to 1e-4."""
    half = width // 2
    frequencies = jnp.exp(jnp.arange(half, dtype=jnp.float32) * (-math.log(1e4) / (half - 1)))
    angles = time.astype(jnp.float32)[:, None] * frequencies[None]
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)


def rotary_frequencies(key: jax.Array | None, size: int) -> jax.Array:
    """(size / 2,) = 10000^(-2 i / size); an initializer, hence the key, which is not used (RoFormer, section 3.2)."""
    return jnp.asarray(1e4 ** (-np.arange(0, size, 2) / size), jnp.float32)


def rotate(x: jax.Array, frequencies: jax.Array) -> jax.Array:
    """Turns the pairs (0, 1), (2, 3), ... of each head's leading numbers by position times frequency.

    x (B, L, heads, C), frequencies (R / 2,) -> x's shape; the numbers from R on stay.
    """
    angles = jnp.arange(x.shape[1], dtype=jnp.float32)[:, None] * frequencies[None]  # (L, R / 2)
    cos, sin = jnp.cos(angles)[None, :, None], jnp.sin(angles)[None, :, None]  # (1, L, 1, R / 2)
    turned, rest = jnp.split(x, [2 * frequencies.size], axis=-1)
    pairs = turned.astype(jnp.float32).reshape(*turned.shape[:-1], -1, 2)
    a, b = pairs[..., 0], pairs[..., 1]
    turned = jnp.stack([a * cos - b * sin, b * cos + a * sin], axis=-1).reshape(turned.shape)
    return jnp.concatenate([turned.astype(x.dtype), rest], axis=-1)
