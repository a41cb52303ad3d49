"""Mouths as photographs show them."""

import jax
import jax.numpy as jnp

from kdtalker_jax.synthetic.anatomy import JAW_DROP, Mouth
from kdtalker_jax.synthetic.curves import bell, lip_lines, mound
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.state import State
from kdtalker_jax.synthetic.surfaces import Vector, mix, step, wave
from kdtalker_jax.synthetic.varied.lights import linear
from kdtalker_jax.synthetic.varied.noise import noise, seeded


def paint_mouth(
    person: Person,
    mouth: Mouth,
    state: State,
    colour: Vector,
    at: Vector,
    view: Vector,
    front: jax.Array,
    pixel: jax.Array,
) -> tuple[Vector, jax.Array]:
    """Returns the colour, and how wet it is: the lower lip most of all."""
    x, y, _ = at
    details = person.details
    lips = lip_lines(mouth, x)
    soft = 1.3 * pixel
    within = step(mouth.width - jnp.abs(x), 2 * soft) * front
    cover = step(jnp.minimum(y - lips.outer_upper, lips.outer_lower - y), soft + 0.012) * within
    seam_y = 0.5 * (lips.inner_upper + lips.inner_lower)
    is_upper = step(seam_y - y, soft)
    creases = noise(48 * x, 7 * y, seeded(details.seed, 51))
    tint = tuple((0.95 - 0.2 * is_upper + 0.1 * creases) * c for c in linear(person.lips))
    colour = mix(colour, tint, details.lip_contrast * cover)

    gap = jnp.clip((lips.inner_lower - lips.inner_upper) / soft, 0, 1)
    opening = gap * step(jnp.minimum(y - lips.inner_upper, lips.inner_lower - y), soft) * within
    corner = mound(jnp.abs(x) - mouth.width, 0.025, y - seam_y, 0.03)
    seam = jnp.maximum(0.85 * bell(y - seam_y, 0.009 + 0.4 * pixel) * within * (1 - opening), 0.45 * corner * front)
    colour = mix(colour, tuple(0.12 * c for c in linear(person.lips)), seam)
    inside = _inside(person, mouth, state, at, view, soft)
    return mix(colour, inside, opening), cover * (1 - opening) * (1 - 0.6 * is_upper) + 0.4 * opening


def _inside(person: Person, mouth: Mouth, state: State, at: Vector, view: Vector, soft: jax.Array) -> Vector:
    """Teeth and tongue lie behind the lips: seen from the side, they move against them."""
    details = person.details
    tx, ty = (at[i] - 0.08 * view[i] / view[2] for i in (0, 1))
    curve = 0.35 * jnp.square(tx)
    gap = mouth.inner_lower - mouth.inner_upper
    shown = jnp.minimum(0.02 + 0.3 * gap, 0.085 * details.teeth_height)
    upper = step(mouth.inner_upper + shown - curve - ty, soft + 0.01) * step(0.25 - jnp.abs(tx), 0.06)
    top = 0.53 + 0.8 * JAW_DROP * state.jaw + 0.03 * (1 - details.teeth_height)
    lower = 0.8 * step(ty - top - curve, soft + 0.012) * step(0.17 - jnp.abs(tx), 0.06)
    between = bell(wave(44 * tx * (1 - 0.8 * jnp.abs(tx))), 0.16)
    rounding = (1 - 0.28 * between) * (1 - 2.2 * jnp.abs(tx))
    tongue = step(ty - mouth.inner_lower + 0.14 - 1.6 * jnp.square(tx), 0.08)
    # Lips keep the light from what is behind them.
    light = 0.35 + 0.65 * step(ty - mouth.inner_upper + 0.01, 0.12)
    colour = mix(tuple(details.mouth_dark), tuple(details.tongue), 0.7 * tongue * jnp.clip(4 * gap, 0, 1))
    colour = mix(colour, tuple(0.7 * rounding * c for c in details.teeth), lower)
    colour = mix(colour, tuple(rounding * c for c in details.teeth), upper)
    return tuple(light * c for c in colour)
