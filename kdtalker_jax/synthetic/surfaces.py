"""Ellipsoids seen by parallel rays along z: where each ray hits, and soft unions of what it hits.

All lengths are in head units, y down, z towards the viewer. Pixels are arrays of any shape, vectors tuples of three.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

Vector = tuple[jax.Array, jax.Array, jax.Array]


class Ellipsoid(NamedTuple):
    """The points p with |axes (p - centre)| = 1. Several are stacked along a leading dimension."""

    centre: jax.Array  # (3,)
    axes: jax.Array  # (3, 3)
    blend: jax.Array | float = 0.06  # depth over which it melts into what it touches
    edge: jax.Array | float = 0.0  # width over which it fades in from its silhouette: a swelling of what it touches
    cover: jax.Array | float = 1.0


class Surface(NamedTuple):
    """What the rays hit first."""

    cover: jax.Array  # share of the pixel, 0 .. 1
    depth: jax.Array
    normal: Vector  # unit length


class Outline(NamedTuple):
    """An ellipsoid as parallel rays along z meet it; all that does not depend on the ray."""

    ellipsoid: Ellipsoid
    quadric: jax.Array  # (3, 3)
    slope: jax.Array  # (2,) of the plane through the silhouette
    ellipse: jax.Array  # (3,) xx, xy, yy of the silhouette
    reach: jax.Array  # of the surface's highest point before that plane
    extent: jax.Array  # (2,) half the width and the height of the silhouette


def outline(ellipsoid: Ellipsoid) -> Outline:
    """Prepare one ellipsoid; `vmap` it over several."""
    quadric = ellipsoid.axes.T @ ellipsoid.axes
    slope = quadric[:2, 2] / quadric[2, 2]
    schur = quadric[:2, :2] - jnp.outer(quadric[:2, 2], slope)
    ellipse = jnp.stack([schur[0, 0], schur[0, 1], schur[1, 1]])
    extent = jnp.sqrt(jnp.stack([schur[1, 1], schur[0, 0]]) / jnp.linalg.det(schur))
    return Outline(ellipsoid, quadric, slope, ellipse, quadric[2, 2] ** -0.5, extent)


def touches(shape: Outline, x: jax.Array, y: jax.Array, pixel: jax.Array) -> jax.Array:
    """False where all rays pass beside an ellipsoid: () bool."""
    centre, (width, height) = shape.ellipsoid.centre, shape.extent + pixel
    beside = (x.min() > centre[0] + width) | (x.max() < centre[0] - width)
    above = (y.min() > centre[1] + height) | (y.max() < centre[1] - height)
    return (shape.ellipsoid.cover > 0) & ~beside & ~above


def hit(shape: Outline, x: jax.Array, y: jax.Array, pixel: jax.Array) -> Surface:
    """The front of an ellipsoid at the rays (x, y), anti-aliased over a `pixel`.

    Beside the silhouette the depth goes on as the plane of the silhouette.
    """
    centre, (xx, xy, yy) = shape.ellipsoid.centre, shape.ellipse
    dx, dy = x - centre[0], y - centre[1]
    gx, gy = xx * dx + xy * dy, xy * dx + yy * dy
    inside = 1 - (gx * dx + gy * dy)
    distance = 0.5 * inside * jax.lax.rsqrt(gx * gx + gy * gy + 1e-6)
    dz = jnp.sqrt(jnp.maximum(inside, 0.0)) * shape.reach - shape.slope[0] * dx - shape.slope[1] * dy
    normal = unit(tuple(row[0] * dx + row[1] * dy + row[2] * dz for row in shape.quadric))
    cover = jnp.clip((distance + 0.5 * pixel) * (1 / (pixel + shape.ellipsoid.edge)), 0, 1) * shape.ellipsoid.cover
    return Surface(cover, dz + centre[2], normal)


def far_side(shape: Outline, front: Surface, x: jax.Array, y: jax.Array) -> jax.Array:
    """The depth at which rays leave an ellipsoid whose front they hit."""
    centre = shape.ellipsoid.centre
    plane = centre[2] - shape.slope[0] * (x - centre[0]) - shape.slope[1] * (y - centre[1])
    return 2 * plane - front.depth


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


def union(shapes: Outline, x: jax.Array, y: jax.Array, pixel: jax.Array, start: Surface | None = None) -> Surface:
    """All of several stacked outlines, and what is already there, as one soft surface. Skips what is out of sight."""

    def add(surface: Surface, shape: Outline) -> tuple[Surface, None]:
        def joined() -> Surface:
            return join(surface, hit(shape, x, y, pixel), shape.ellipsoid.blend)

        return jax.lax.cond(touches(shape, x, y, pixel), joined, lambda: surface), None

    nothing = jnp.zeros_like(x + y)
    start = start or Surface(nothing, nothing, (nothing,) * 3)
    surface, _ = jax.lax.scan(add, start, shapes)
    return surface._replace(normal=unit(surface.normal))


def step(distance: jax.Array, width: jax.Array | float) -> jax.Array:
    """0 below -width / 2, 1 above width / 2, smooth between."""
    t = jnp.clip(distance * (1 / width) + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def unit(vector: Vector) -> Vector:
    """The vector at length 1."""
    length = jax.lax.rsqrt(sum(v * v for v in vector) + 1e-12)
    return tuple(v * length for v in vector)


def wave(angle: jax.Array) -> jax.Array:
    """The sine to a few per cent, much cheaper. Radians."""
    turns = angle * (0.5 / jnp.pi)
    turns = turns - jnp.round(turns)
    return 16 * turns * (0.5 - jnp.abs(turns))


def turn(vector: Vector, matrix: jax.Array) -> Vector:
    """`matrix` (3, 3) times the column vector."""
    return tuple(sum(row[i] * vector[i] for i in range(3)) for row in matrix)


def mix(first: Vector, second: Vector, share: jax.Array) -> Vector:
    """Colours or vectors, channel by channel: `first` where `share` is 0, `second` where it is 1."""
    return tuple(a + share * (b - a) for a, b in zip(first, second, strict=True))
