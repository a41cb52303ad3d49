"""Trilinear sampling of feature volumes, with zeros outside, and bilinear sampling of pictures.

Coordinates are (x, y, z) in [-1, 1] with `align_corners=False`: the centre of voxel i of n lies at (2 i + 1) / n - 1.
The published networks nevertheless build their identity grid as 2 i / (n - 1) - 1, so sampling at the identity is not
the identity; the weights were trained with it.
"""

import jax
import jax.numpy as jnp
from jax import lax

from kdtalker_jax.nn.convolution import per_channel


def identity_axis(size: int) -> jax.Array:
    """Coordinates (size,) of the identity grid along one axis."""
    return jnp.linspace(-1.0, 1.0, size, dtype=jnp.float32)


def identity_grid(shape: tuple[int, int, int]) -> jax.Array:
    """(D, H, W, 3): the coordinates (x, y, z) of every voxel of the identity grid."""
    z, y, x = jnp.meshgrid(*(identity_axis(n) for n in shape), indexing="ij")
    return jnp.stack([x, y, z], axis=-1)


def translation_matrix(shift: jax.Array, size: int) -> jax.Array:
    """Linear interpolation along one axis at the identity grid moved by `shift` (...,) -> (..., size, size).

    Row o holds the weights with which output o reads the inputs; weights of inputs outside the volume are absent.
    """
    axis = per_channel(identity_axis(size), shift[..., None])  # (..., out)
    position = ((axis + shift[..., None] + 1) * size - 1) / 2  # (..., out), in voxels
    inputs = per_channel(jnp.arange(size, dtype=jnp.float32), position[..., None])  # (..., 1, in)
    return jnp.maximum(0.0, 1 - jnp.abs(position[..., None] - inputs))


def sample_translated(volume: jax.Array, shift: jax.Array) -> jax.Array:
    """Samples a volume at the identity grid moved by each of K shifts.

    volume (D, H, W, C), shift (K, 3) as (x, y, z) -> (D, H, W, K, C). Trilinear weights are products of one-dimensional
    ones and a translation keeps the grid separable, so this is three small matrix products instead of K * D * H * W
    gathers.
    """
    depth, height, width, _ = volume.shape
    along_x = translation_matrix(shift[:, 0], width)
    along_y = translation_matrix(shift[:, 1], height)
    along_z = translation_matrix(shift[:, 2], depth)
    out = jnp.einsum("kxw,dhwc->kdhxc", along_x, volume)
    out = jnp.einsum("kyh,kdhxc->kdyxc", along_y, out)
    return jnp.einsum("kzd,kdyxc->zyxkc", along_z, out)


def sample_volume(volume: jax.Array, points: jax.Array) -> jax.Array:
    """Samples a volume (D, H, W, C) at points (..., 3) given as (x, y, z) -> (..., C)."""
    depth, height, width, channels = volume.shape
    size = per_channel(jnp.array([width, height, depth], jnp.int32), points)  # (..., 3)
    extent = size.astype(jnp.float32)
    position = ((points + 1) * extent - 1) / 2  # in voxels
    lower = jnp.floor(position)
    fraction = (position - lower)[..., None, :]  # (..., 1, 3)
    corner = jnp.stack(jnp.meshgrid(*[jnp.arange(2, dtype=jnp.int32)] * 3, indexing="ij"), axis=-1).reshape(8, 3)
    # Clamped before the cast, because a far point overflows the integer; the weight below is what counts there.
    index = jnp.clip(lower, -2, extent + 1).astype(jnp.int32)[..., None, :]  # (..., 1, 3)
    index, size = index + lax.broadcast_to_rank(corner, index.ndim), size[..., None, :]  # (..., 8, 3)
    inside = jnp.all((index >= 0) & (index < size), axis=-1)  # (..., 8)
    upper = lax.broadcast_to_rank(corner == 1, fraction.ndim)
    weight = jnp.where(upper, fraction, 1 - fraction).prod(axis=-1) * inside.astype(jnp.float32)  # (..., 8)
    x, y, z = jnp.moveaxis(jnp.clip(index, 0, size - 1), -1, 0)
    rows = jnp.asarray(volume).reshape(-1, channels)
    flat = (z * height + y) * width + x  # (..., 8)
    out = jnp.zeros((*points.shape[:-1], channels), volume.dtype)
    for i in range(8):
        out += rows[flat[..., i]] * weight[..., i, None].astype(volume.dtype)
    return out


def move_picture(picture: jax.Array, flow: jax.Array) -> jax.Array:
    """Moves a picture (H, W, C) by a flow (h, w, 2): (H, W, C), each point from where it lies plus the flow there.

    The flow, (x, y) with 2 the side of the picture, is interpolated to the picture's size. 0 is the picture itself,
    bit for bit; beyond its edges they run on.
    """
    height, width, channels = picture.shape
    size = jnp.array([width, height], jnp.float32)
    flow = jax.image.resize(flow.astype(jnp.float32), (height, width, 2), "linear") * per_channel(size / 2, flow)
    rows, columns = jnp.meshgrid(*(jnp.arange(n, dtype=jnp.float32) for n in (height, width)), indexing="ij")
    position = jnp.stack([columns, rows], axis=-1) + flow  # (H, W, 2) in pixels
    position = jnp.clip(position, 0, per_channel(size - 1, position))
    lower = jnp.floor(position)
    x, y = jnp.moveaxis(position - lower, -1, 0)[..., None]  # (H, W, 1) each
    left, top = jnp.moveaxis(lower.astype(jnp.int32), -1, 0)
    right, bottom = jnp.minimum(left + 1, width - 1), jnp.minimum(top + 1, height - 1)
    flat = picture.reshape(-1, channels)
    above = flat[top * width + left] * (1 - x) + flat[top * width + right] * x
    below = flat[bottom * width + left] * (1 - x) + flat[bottom * width + right] * x
    return above * (1 - y) + below * y
