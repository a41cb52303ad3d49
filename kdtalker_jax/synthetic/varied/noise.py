"""Noise in closed form: what a point shows follows from its place and a seed alone.

Lattices are hashed, so nothing is stored, any size is the same price, and pictures of any size show the same.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.synthetic.surfaces import Vector

Seed = jax.Array | int
_ACROSS, _DOWN = np.uint32(0x8DA6B343), np.uint32(0xD8163841)


def seeded(seed: jax.Array, number: int) -> jax.Array:
    """The `number`-th seed that follows from a person's, a whole number held as a float32: () uint32."""
    return seed.astype(jnp.uint32) * jnp.uint32(0x9E3779B1) + jnp.uint32(number * 0x85EBCA6B % 2**32)


def hashed(i: jax.Array, j: jax.Array, seed: Seed) -> jax.Array:
    """Of whole numbers (int32), evenly spread uint32."""
    return _stirred(i.astype(jnp.uint32) * _ACROSS ^ j.astype(jnp.uint32) * _DOWN, seed)


def _stirred(h: jax.Array, seed: Seed) -> jax.Array:
    h = h ^ jnp.asarray(seed, jnp.uint32)
    h = (h ^ (h >> 15)) * jnp.uint32(0x2C1B3C6D)
    h = (h ^ (h >> 12)) * jnp.uint32(0x297A2D39)
    return h ^ (h >> 15)


def part(h: jax.Array, number: int) -> jax.Array:
    """One of three independent numbers of a hash, 0 .. 1."""
    whole = ((h >> jnp.uint32(10 * number)) & jnp.uint32(1023)).astype(jnp.int32)  # CPUs convert signed ones faster
    return whole.astype(jnp.float32) * (1 / 1023)


def cell(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The whole number below, and what is above it."""
    whole = jnp.floor(x)
    return whole.astype(jnp.int32), x - whole


def _corners(x: jax.Array, y: jax.Array, seed: Seed) -> tuple[list[jax.Array], list[jax.Array]]:
    """Hashes of the four lattice points around each point, and their weights."""
    (i, u), (j, v) = cell(x), cell(y)
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    across, down = i.astype(jnp.uint32) * _ACROSS, j.astype(jnp.uint32) * _DOWN
    hashes = [_stirred(a ^ d, seed) for d in (down, down + _DOWN) for a in (across, across + _ACROSS)]
    return hashes, [(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v]


def noise(x: jax.Array, y: jax.Array, seed: Seed) -> jax.Array:
    """Smooth, -1 .. 1, with structure of size 1."""
    hashes, weights = _corners(x, y, seed)
    signed = (jax.lax.bitcast_convert_type(h, jnp.int32).astype(jnp.float32) for h in hashes)
    return sum(w * s for s, w in zip(signed, weights, strict=True)) * 2**-31


def colour_noise(x: jax.Array, y: jax.Array, seed: Seed) -> Vector:
    """Three of them for little more than one."""
    hashes, weights = _corners(x, y, seed)
    return tuple(sum(w * (2 * part(h, k) - 1) for h, w in zip(hashes, weights, strict=True)) for k in range(3))


def fractal(x: jax.Array, y: jax.Array, seed: jax.Array, octaves: int, gain: jax.Array | float = 0.5) -> jax.Array:
    """Octaves of noise, each `gain` times as strong as the one twice as large: about -1 .. 1."""
    return _octaves(noise, x, y, seed, octaves, gain)


def colour_fractal(x: jax.Array, y: jax.Array, seed: jax.Array, octaves: int, gain: jax.Array | float = 0.5) -> Vector:
    """The same in three channels."""
    return _octaves(colour_noise, x, y, seed, octaves, gain)


def _octaves(kind: Callable, x: jax.Array, y: jax.Array, seed: jax.Array, octaves: int, gain: jax.Array | float) -> Any:
    """A loop, which compiles sooner than a row of octaves and is as fast."""

    def add(octave: jax.Array, carry: tuple) -> tuple:
        total, x, y, strength = carry
        # Twice as fine, and turned by 0.5 radians, so that the lattices do not line up.
        x, y = 1.7552 * x - 0.9589 * y, 0.9589 * x + 1.7552 * y
        found = kind(x, y, seed + jnp.uint32(7919) * octave.astype(jnp.uint32))
        return jax.tree.map(lambda t, f: t + strength * f, total, found), x, y, strength * gain

    zero = jnp.zeros_like(x)
    total = (zero,) * 3 if kind is colour_noise else zero
    x, y = 0.5 * x, 0.5 * y
    total, *_ = jax.lax.fori_loop(0, octaves, add, (total, x, y, jnp.float32(1)))
    square = jnp.square(jnp.float32(gain))
    energy = (1 - square**octaves) / (1 - square)
    return jax.tree.map(lambda t: t * (1.4 * jax.lax.rsqrt(energy)), total)


def specks(x: jax.Array, y: jax.Array, seed: Seed, size: float, share: jax.Array | float) -> jax.Array:
    """Round dark spots, one in a `share` of unit cells, of up to `size`: 0 .. 1."""
    (i, u), (j, v) = cell(x), cell(y)
    h = hashed(i, j, seed)
    radius = size * (0.4 + 0.6 * part(h, 2))
    du, dv = u - radius - (1 - 2 * radius) * part(h, 0), v - radius - (1 - 2 * radius) * part(h, 1)
    there = part(h ^ (h >> 7), 1) < share
    return jnp.where(there, jnp.clip(1.5 - 1.5 * (du * du + dv * dv) / (radius * radius), 0, 1), 0)
