"""Patterns in three colours: of clothes, hats, veils and walls, and of heads that no one has ever seen."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.synthetic.surfaces import Vector, mix, step, wave
from kdtalker_jax.synthetic.varied.draws import Draws
from kdtalker_jax.synthetic.varied.noise import cell, colour_fractal, fractal, hashed, part, seeded

PLAIN, NOISE, LEAVES, STRIPES, LETTERS, CHECKS, DOTS = range(7)
_LEAVES = 7  # sizes
_OCTAVES = 6


class Pattern(NamedTuple):
    """One of the kinds above; float32 arrays."""

    kind: jax.Array
    scale: jax.Array  # repetitions in one unit
    angle: jax.Array  # radians
    rough: jax.Array  # 0 smooth .. 1 white: gain of the octaves of noise
    colours: jax.Array  # (3, 3)
    seed: jax.Array


def random_pattern(draw: Draws, colours: np.ndarray, weights: Sequence[float], scale: float) -> Pattern:
    """A kind by its weight (7,), around `scale` repetitions a unit."""
    return Pattern(
        kind=np.float32(draw.choice(weights)),
        scale=scale * np.exp(draw.around(0.0, 0.6)),
        angle=draw.uniform(0.0, np.pi),
        rough=draw.uniform(0.3, 0.72),
        colours=colours,
        seed=draw.seed(),
    )


def paint_pattern(pattern: Pattern, x: jax.Array, y: jax.Array, pixel: jax.Array) -> Vector:
    """Its colours at x, y; edges are soft over a `pixel`."""
    cos, sin = jnp.cos(pattern.angle), jnp.sin(pattern.angle)
    u, v = (cos * x + sin * y) * pattern.scale, (cos * y - sin * x) * pattern.scale
    soft = pixel * pattern.scale
    kinds = (_plain, _noise, _leaves, _stripes, _letters, _checks, _dots)
    colour = jax.lax.switch(pattern.kind.astype(jnp.int32), kinds, pattern, u, v, soft)
    return tuple(jnp.clip(c, 0.01, 0.99) for c in colour)


def _colour(pattern: Pattern, number: int) -> Vector:
    return tuple(pattern.colours[number])


def _plain(pattern: Pattern, u: jax.Array, v: jax.Array, soft: jax.Array) -> Vector:
    return tuple(jnp.broadcast_to(c, u.shape) for c in _colour(pattern, 0))


def _noise(pattern: Pattern, u: jax.Array, v: jax.Array, soft: jax.Array) -> Vector:
    """Spectra that fall as a power of the frequency, as those of photographs do."""
    found = colour_fractal(0.5 * u, 0.5 * v, seeded(pattern.seed, 1), _OCTAVES, pattern.rough)
    grey = sum(found) / 3
    spread = (sum(jnp.abs(_colour(pattern, 0)[k] - _colour(pattern, 1)[k]) for k in range(3)) + 0.6) / 3
    middle = mix(_colour(pattern, 0), _colour(pattern, 1), 0.5 + 0.5 * grey)
    return tuple(m + spread * 0.7 * (0.6 * f + 0.4 * grey) for m, f in zip(middle, found, strict=True))


def _leaves(pattern: Pattern, u: jax.Array, v: jax.Array, soft: jax.Array) -> Vector:
    """Discs and squares of all sizes upon each other (dead leaves), small ones on top."""

    def add(k: jax.Array, colour: Vector) -> Vector:
        number = k.astype(jnp.float32)
        size = 1.1 * 1.55**number  # leaves in a unit
        (i, a), (j, b) = cell(size * 0.5 * u + 0.37 * number), cell(size * 0.5 * v + 0.61 * number)
        seed = seeded(pattern.seed, 2) + jnp.uint32(7919) * k.astype(jnp.uint32)
        h, g = hashed(i, j, seed), hashed(j, i, seed)
        radius = 0.2 + 0.28 * part(h, 2)
        da, db = a - radius - (1 - 2 * radius) * part(h, 0), b - radius - (1 - 2 * radius) * part(h, 1)
        square = jnp.maximum(jnp.abs(da), jnp.abs(db)) / 0.8
        distance = jnp.where(h >> 31 > 0, square, jnp.sqrt(da * da + db * db))
        base = mix(_colour(pattern, 0), _colour(pattern, 1), part(h >> 3, 1))
        tint = tuple(c + 0.9 * (part(g, n) - 0.5) for n, c in enumerate(base))
        return mix(colour, tint, step(radius - distance, 0.5 * size * soft + 0.01))

    return jax.lax.fori_loop(0, _LEAVES, add, _plain(pattern, u, v, soft))


def _stripes(pattern: Pattern, u: jax.Array, v: jax.Array, soft: jax.Array) -> Vector:
    bent = u + pattern.rough * 0.5 * fractal(0.5 * u, 0.5 * v, seeded(pattern.seed, 3), 2)
    thick, thin = step(wave(6.28 * bent), 0.2 + 6 * soft), step(wave(6.28 * 0.4 * bent) - 0.9, 0.2)
    return mix(mix(_colour(pattern, 0), _colour(pattern, 1), thick), _colour(pattern, 2), thin)


def _letters(pattern: Pattern, u: jax.Array, v: jax.Array, soft: jax.Array) -> Vector:
    """Lines of signs of 4 x 5 dots."""
    (j, b), (i, a) = cell(1.4 * v), cell(2 * u)
    h = hashed(i, j, seeded(pattern.seed, 4))
    column, row = jnp.floor(a * 5).astype(jnp.uint32), jnp.floor(b * 7).astype(jnp.uint32)
    dot = (h >> jnp.minimum(column + 4 * row, 31)) & 1
    ink = jnp.where((column < 4) & (row < 5) & (part(h, 0) > 0.15), dot.astype(jnp.float32), 0)
    return mix(_colour(pattern, 0), _colour(pattern, 1), ink)


def _checks(pattern: Pattern, u: jax.Array, v: jax.Array, soft: jax.Array) -> Vector:
    across, down = (step(wave(6.28 * w), 0.15 + 6 * soft) for w in (u, v))
    line = jnp.maximum(*(step(wave(6.28 * w + 1.6) - 0.94, 0.1) for w in (u, v)))
    return mix(mix(_colour(pattern, 0), _colour(pattern, 1), 0.5 * (across + down)), _colour(pattern, 2), 0.7 * line)


def _dots(pattern: Pattern, u: jax.Array, v: jax.Array, soft: jax.Array) -> Vector:
    (_, b), (_, a) = cell(v), cell(u + 0.5 * jnp.floor(v))
    distance = jnp.sqrt(jnp.square(a - 0.5) + jnp.square(b - 0.5))
    return mix(_colour(pattern, 0), _colour(pattern, 1), step(0.28 - distance, soft + 0.02))
