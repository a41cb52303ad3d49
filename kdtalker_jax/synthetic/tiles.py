"""Pictures tile by tile, so that tiles skip what they do not see and all their arrays stay in the cache."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

TILE = (32, 64)  # rows and columns of pixels


def in_tiles(paint: Callable[[jax.Array, jax.Array], jax.Array], size: int) -> jax.Array:
    """`paint` takes x and y of pixels, (rows, columns) in picture coordinates, and gives (rows, columns, C).

    Returns:
        (size, size, C).
    """
    centres = (jnp.arange(size, dtype=jnp.float32) + 0.5) * 2 / size - 1  # (size,)
    rows, columns = math.gcd(size, TILE[0]), math.gcd(size, TILE[1])
    down, across = centres.reshape(-1, 1, rows, 1), centres.reshape(1, -1, 1, columns)
    down, across = jnp.broadcast_arrays(down, across)  # (tiles down, tiles across, rows, columns)
    tiles = jax.lax.map(
        lambda tile: paint(*tile), (across.reshape(-1, rows, columns), down.reshape(-1, rows, columns))
    )  # (tiles, rows, columns, C)
    return tiles.reshape(*down.shape, tiles.shape[-1]).swapaxes(1, 2).reshape(size, size, tiles.shape[-1])
