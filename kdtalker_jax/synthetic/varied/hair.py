"""Hair of strands, curls and cloth. In the unturned head's coordinates; colours are linear light."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.surfaces import Vector, mix, step, wave
from kdtalker_jax.synthetic.varied.lights import linear
from kdtalker_jax.synthetic.varied.noise import fractal, noise, seeded
from kdtalker_jax.synthetic.varied.patterns import paint_pattern


class Strands(NamedTuple):
    """At each point, about -1 .. 1 each."""

    locks: jax.Array
    single: jax.Array
    around: jax.Array  # radians, the way across the strands


def strands_at(person: Person, at: Vector) -> Strands:
    """They come from the parting, run down and swing; curls have no direction."""
    x, y, z = at
    details = person.details
    around = jnp.arctan2(x - details.parting * step(0.3 - y, 1.0), jnp.abs(z + 0.4) + 0.12)
    swing = details.wave * (0.13 * wave(8 * y + 3 * wave(2 * around)) + 0.05 * wave(19 * y + 5 * around))
    u, width = around + swing, 1 / details.strand_width
    locks = 0.6 * noise(5 * u * width, 1.1 * y, seeded(details.seed, 61))
    locks += 0.6 * noise(13 * u * width, 1.7 * y, seeded(details.seed, 62))
    single = noise(42 * u * width, 3.1 * y, seeded(details.seed, 63))

    def curly() -> tuple[jax.Array, jax.Array]:
        turned = fractal(7 * around * width, 6 * y * width, seeded(details.seed, 64), 3, 0.75)
        small = noise(26 * around * width, 22 * y * width, seeded(details.seed, 65))
        return locks + details.curl * (turned - locks), single + details.curl * (small - single)

    locks, single = jax.lax.cond(details.curl > 0, curly, lambda: (locks, single))
    return Strands(locks, single, around)


def paint_strands(person: Person, strands: Strands, at: Vector, pixel: jax.Array) -> tuple[Vector, jax.Array]:
    """Returns the colour, and how much it shines."""
    details, hair = person.details, person.hair
    _, y, _ = at
    light = jnp.exp(details.strand_contrast * (0.55 * strands.locks + 0.6 * strands.single - 0.15))
    streaks = details.streaks * step(strands.locks + 0.4 * strands.single - 0.1, 0.5)
    colour = mix(tuple(linear(hair.colour)), tuple(details.streak_colour), streaks)
    colour = tuple(c * light for c in colour)
    shine = 0.1 * hair.gloss * jnp.clip(0.6 + 0.5 * strands.single + 0.4 * strands.locks, 0, 2)

    def cloth() -> tuple[Vector, jax.Array]:
        return paint_pattern(details.hat_pattern, 0.8 * strands.around, y, pixel), jnp.zeros_like(y)

    return jax.lax.cond(details.veil > 0, cloth, lambda: (colour, shine))


def ragged(person: Person, strands: Strands, cover: jax.Array) -> jax.Array:
    """A cover that falls off towards the silhouette, with single hairs for an edge; a veil's is smooth."""
    hairs = jnp.clip(0.42 * strands.single + 0.25 * strands.locks, -0.45, 0.45)
    return step(cover + (1 - person.details.veil) * hairs * jnp.clip(6 * cover, 0, 1) - 0.5, 0.35)
