"""Attention that networks of motion share."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from kdtalker_jax.nn.positions import rotary_frequencies, rotate


class RotaryAttention(nn.Module):
    """Each frame to all frames, whole heads rotated by their positions: (B, T, D) kept."""

    heads: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        size = x.shape[-1] // self.heads
        qkv = nn.Dense(3 * x.shape[-1], dtype=self.dtype, name="qkv")(x)
        q, k, v = jnp.moveaxis(qkv.reshape(*x.shape[:2], 3, self.heads, size), 2, 0)  # each (B, T, heads, D / heads)
        frequencies = rotary_frequencies(None, size)
        q, k = rotate(q * size**-0.5, frequencies), rotate(k, frequencies)
        logits = jnp.einsum("bqhc,bkhc->bhqk", q, k, preferred_element_type=jnp.float32)
        weights = jax.nn.softmax(logits, axis=-1).astype(self.dtype)  # (B, heads, T, T)
        y = jnp.einsum("bhqk,bkhc->bqhc", weights, v)
        return nn.Dense(x.shape[-1], dtype=self.dtype, name="projection")(y.reshape(x.shape))
