"""Ellipsoids seen by parallel rays along z: where each ray hits, and soft unions of what it hits.

All lengths are in head units, y down, z towards the viewer. Pixels are arrays of any shape, vectors tuples of three.
"""

from collections.abc import Iterable
from typing import NamedTuple

import jax
import jax.numpy as jnp

Vector = tuple[jax.Array, jax.Array, jax.Array]


class Ellipsoid(NamedTuple):
    """The points p with |axes (p - centre)| = 1."""

    centre: jax.Array  # (3,)
    axes: jax.Array  # (3, 3)
    blend: float = 0.06  # depth over which it melts into what it touches
    edge: float = 0.0  # width over which it fades in from its silhouette, for swellings of what it touches
    cover: jax.Array | float = 1.0


class Surface(NamedTuple):
    """What the rays hit first."""

    cover: jax.Array  # share of the pixel, 0 .. 1
    depth: jax.Array
    normal: Vector  # unit length


def hit(ellipsoid: Ellipsoid, x: jax.Array, y: jax.Array, pixel: jax.Array) -> Surface:
    """The front of an ellipsoid at the rays (x, y), anti-aliased over a `pixel`.

    Beside the silhouette the depth goes on as the plane of the silhouette.
    """
    quadric = ellipsoid.axes.T @ ellipsoid.axes
    dx, dy = x - ellipsoid.centre[0], y - ellipsoid.centre[1]
    bx, by = quadric[0, 2] / quadric[2, 2], quadric[1, 2] / quadric[2, 2]
    xx, xy, yy = (  # of the silhouette, an ellipse: the Schur complement
        quadric[i, j] - quadric[i, 2] * quadric[j, 2] / quadric[2, 2] for i, j in ((0, 0), (0, 1), (1, 1))
    )
    gx, gy = xx * dx + xy * dy, xy * dx + yy * dy
    inside = 1 - (gx * dx + gy * dy)
    distance = 0.5 * inside * jax.lax.rsqrt(gx * gx + gy * gy + 1e-6)
    dz = jnp.sqrt(jnp.maximum(inside, 0.0)) * jax.lax.rsqrt(quadric[2, 2]) - bx * dx - by * dy
    normal = unit(tuple(row[0] * dx + row[1] * dy + row[2] * dz for row in quadric))
    cover = jnp.clip((distance + 0.5 * pixel) / (pixel + ellipsoid.edge), 0, 1) * ellipsoid.cover
    return Surface(cover, dz + ellipsoid.centre[2], normal)


def join(back: Surface, front: Surface, blend: float) -> Surface:
    """The nearer of two surfaces at each pixel, mixed where their depths are within about `blend`."""
    nearer = step(front.depth - back.depth, blend)
    visible = front.cover * (1 - back.cover * (1 - nearer))
    cover = back.cover + front.cover - back.cover * front.cover
    share = visible / jnp.maximum(cover, 1e-4)
    normal = tuple(b + share * (f - b) for b, f in zip(back.normal, front.normal, strict=True))
    return Surface(cover, back.depth + share * (front.depth - back.depth), normal)


def in_front(first: Surface, second: Surface, pixel: jax.Array) -> jax.Array:
    """1 where the first surface is nearer; where they cross, smooth over a few pixels however steep they are."""
    steep = sum(1 / jnp.maximum(surface.normal[2], 0.1) for surface in (first, second))
    return step(first.depth - second.depth, 0.03 + pixel * steep)


def union(ellipsoids: Iterable[Ellipsoid], x: jax.Array, y: jax.Array, pixel: jax.Array) -> Surface:
    """All ellipsoids of one material."""
    first, *others = ellipsoids
    surface = hit(first, x, y, pixel)
    for other in others:
        surface = join(surface, hit(other, x, y, pixel), other.blend)
    return surface._replace(normal=unit(surface.normal))


def step(distance: jax.Array, width: jax.Array | float) -> jax.Array:
    """0 below -width / 2, 1 above width / 2, smooth between."""
    t = jnp.clip(distance / width + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def unit(vector: Vector) -> Vector:
    """The vector at length 1."""
    length = jax.lax.rsqrt(sum(v * v for v in vector) + 1e-12)
    return tuple(v * length for v in vector)


def turn(vector: Vector, matrix: jax.Array) -> Vector:
    """`matrix` (3, 3) times the column vector."""
    return tuple(sum(row[i] * vector[i] for i in range(3)) for row in matrix)


def mix(first, second, share: jax.Array):
    """Colours or vectors, channel by channel: `first` where `share` is 0, `second` where it is 1."""
    return tuple(a + share * (b - a) for a, b in zip(first, second, strict=True))
