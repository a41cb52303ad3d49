"""Several coloured lights, and the shadow that the first of them throws. Light is linear here, not as screens show it.

Directions are as seen: x right, y down, z towards the viewer.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.synthetic.surfaces import Ellipsoid, Vector, step, unit
from kdtalker_jax.synthetic.varied.draws import Draws

GAMMA = 2.2


class Lights(NamedTuple):
    """Float32; three lights, the first is the key."""

    towards: jax.Array  # (3, 3) unit vectors, a row each
    colours: jax.Array  # (3, 3) strengths
    sky: jax.Array  # (3,) light from everywhere above
    ground: jax.Array  # (3,) and below
    shadow: jax.Array  # 0 none .. 1 full
    softness: jax.Array  # width of its edge, 0.05 hard .. 1


def linear(colour: np.ndarray | jax.Array) -> np.ndarray | jax.Array:
    """A colour as screens take it to the light that it sends back."""
    return colour.clip(1e-3) ** GAMMA


def random_lights(draw: Draws) -> Lights:
    """From the even light of a studio to one lamp at the side; as bright as cameras would make them."""
    uniform = draw.uniform

    def direction(azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
        x, z = np.sin(azimuth) * np.cos(elevation), np.cos(azimuth) * np.cos(elevation)
        return np.stack([x, -np.sin(elevation), z])

    def tint(strength: float) -> np.ndarray:
        """From candle to shade, and now and then a coloured lamp."""
        warm = np.array([1.0, 0.0, -1.0]) * uniform(-strength, strength)
        coloured = np.where(uniform(0, 1) < 0.12, uniform(-0.5, 0.5, (3,)), 0.0)
        return np.exp(warm + np.array([0.0, 0.05, 0.0]) * uniform(-1, 1) + coloured)

    side = np.sign(uniform(-1, 1))
    azimuth = side * np.where(uniform(0, 1) < 0.35, uniform(0.7, 1.7), uniform(0.0, 0.8))
    contrast = uniform(0.15, 0.95) ** 0.8
    towards = np.stack(
        [
            direction(azimuth, np.where(uniform(0, 1) < 0.1, uniform(-0.5, 0), uniform(0.05, 1.1))),
            direction(-side * uniform(0.3, 1.5), uniform(-0.2, 0.6)),
            direction(uniform(2.0, 4.3), uniform(-0.2, 0.9)),
        ]
    )
    fill = uniform(0, 0.6) * (1 - 0.6 * contrast)
    rim = np.where(uniform(0, 1) < 0.4, uniform(0.2, 1.2), 0.0)
    colours = np.stack([contrast * tint(0.22), fill * tint(0.3), rim * tint(0.4)])
    sky, ground = (1.05 - contrast) * tint(0.15), (1.05 - contrast) * uniform(0.3, 0.9) * tint(0.2)
    # Cameras expose for the face: its mean over a few directions is 1.
    faces = np.array([[0.0, 0.0, 1.0], [0.6, 0.0, 0.8], [-0.6, 0.0, 0.8], [0.0, -0.5, 0.85], [0.0, 0.4, 0.9]])
    found = np.maximum(faces @ towards.T, 0) @ colours + 0.5 * (sky + ground)  # (5, 3)
    scale = np.exp(uniform(-0.25, 0.2)) / np.mean(found)
    return Lights(
        towards,
        colours * scale,
        sky * scale,
        ground * scale,
        shadow=uniform(0.4, 1.0),
        softness=np.exp(uniform(-2.7, -0.2)),
    )


def shadow_of(parts: Ellipsoid, lights: Lights, at: Vector) -> jax.Array:
    """How much of the key light reaches points (as seen) past stacked ellipsoids: 0 .. 1."""
    light = lights.towards[0]

    def darken(open_: jax.Array, shape: Ellipsoid) -> jax.Array:
        way = shape.axes @ light
        off = tuple(a - c for a, c in zip(at, shape.centre, strict=True))
        off = tuple(sum(row[k] * off[k] for k in range(3)) for row in shape.axes)
        length = jnp.sum(way * way)
        along = -sum(o * w for o, w in zip(off, way, strict=True)) / length
        square = sum(o * o for o in off)
        nearest = jnp.sqrt(jnp.maximum(square - along * along * length, 1e-6))
        # Points within a part, or on it, are not in its shadow: parts melt into each other.
        blocked = step(1 - nearest, lights.softness) * step(square - 1.1, 0.2) * step(along - 0.04, 0.08)
        return open_ * (1 - shape.cover * blocked)

    def pass_by(open_: jax.Array, shape: Ellipsoid) -> tuple[jax.Array, None]:
        return jax.lax.cond(shape.cover > 0, darken, lambda open_, _: open_, open_, shape), None

    open_, _ = jax.lax.scan(pass_by, jnp.ones_like(at[0]), parts)
    return 1 - lights.shadow * (1 - open_)


def shade(
    lights: Lights, albedo: Vector, normal: Vector, reached: jax.Array, gloss: jax.Array | float, wrap: Vector
) -> Vector:
    """Light that leaves a surface.

    Args:
        albedo: linear colour. normal: as seen.
        reached: share of the key light that is not in shadow.
        gloss: strength of a highlight, sharper where it is stronger.
        wrap: how far light goes round, in each channel: under the skin most of all the red.
    """
    up = 0.5 - 0.5 * normal[1]
    total = [g + up * (s - g) for s, g in zip(lights.sky, lights.ground, strict=True)]
    shine = [0.0, 0.0, 0.0]
    sheen = 0.3 + 0.7 * jnp.square(1 - jnp.clip(normal[2], 0, 1))  # skin and hair shine more at grazing angles
    for number in range(3):
        towards, colour = lights.towards[number], lights.colours[number]
        facing = sum(n * d for n, d in zip(normal, towards, strict=True))
        half = unit((towards[0], towards[1], towards[2] + 1.0))
        glint = jnp.square(jnp.square(jnp.clip(sum(n * h for n, h in zip(normal, half, strict=True)), 0, 1)))
        glint = jnp.square(jnp.square(glint))  # 16
        glint = (
            sheen * (0.45 * glint + 1.2 * gloss * jnp.square(jnp.square(glint))) * (facing > -0.1).astype(jnp.float32)
        )  # and 64
        key = reached if number == 0 else 1.0
        for channel in range(3):
            w = wrap[channel]
            lit = jnp.clip((facing + w) / (1 + w), 0, 1)
            total[channel] += colour[channel] * key * lit * jnp.sqrt(lit)  # to the power of 1.5, vectorised
            shine[channel] += colour[channel] * key * glint
    return tuple(a * t + gloss * s for a, t, s in zip(albedo, total, shine, strict=True))
