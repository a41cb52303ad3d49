"""Faces as photographs show them: their forms, and the colours of their skin. In the unturned head's coordinates.

Colours are linear light, lengths head units, y down.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from kdtalker_jax.synthetic.anatomy import JAW_DROP, Mouth, mouth_of, nose_tip
from kdtalker_jax.synthetic.curves import Lips, bell, lip_lines, mound
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.skin import spot
from kdtalker_jax.synthetic.state import Expression, State, expression_of
from kdtalker_jax.synthetic.surfaces import Vector, mix, step, wave
from kdtalker_jax.synthetic.varied.eyes import paint_brows, paint_eyes
from kdtalker_jax.synthetic.varied.lights import linear
from kdtalker_jax.synthetic.varied.mouth import paint_mouth
from kdtalker_jax.synthetic.varied.noise import colour_fractal, fractal, noise, seeded, specks
from kdtalker_jax.synthetic.varied.patterns import paint_pattern

_STEP = 0.008  # over which slopes are measured


class Skin(NamedTuple):
    """What light falls on."""

    albedo: Vector
    slope: tuple[jax.Array, jax.Array]  # of the relief, along x and y
    gloss: jax.Array


def no_expression() -> Expression:
    """That of a face without feelings."""
    return Expression(*(jnp.float32(0) for _ in Expression._fields))


def paint_face(person: Person, state: State, at: Vector, view: Vector, pixel: jax.Array) -> Skin:
    """The skin and all that is painted on it.

    Args:
        at: points of the face. view: direction to the viewer; both in the head's coordinates.
        pixel: size of a pixel.
    """
    x, y, z = at
    front = step(z - 0.05, 0.2)
    details = person.details
    mouth = mouth_of(person, state)
    colour = _complexion(person, state, at, front, pixel)
    near_eyes = jnp.any((front > 0) & (jnp.abs(y - person.eye_height) < 0.55))
    near_mouth = jnp.any((front > 0) & (y > 0.25) & (y < 1.25) & (jnp.abs(x) < 0.55))
    colour = jax.lax.cond(near_eyes, lambda c: paint_brows(person, state, c, x, y, front, pixel), lambda c: c, colour)
    none = jnp.zeros_like(x)
    colour, eyes = jax.lax.cond(
        near_eyes, lambda c: paint_eyes(person, state, c, x, y, front, pixel), lambda c: (c, none), colour
    )
    colour, lips = jax.lax.cond(
        near_mouth, lambda c: paint_mouth(person, mouth, state, c, at, view, front, pixel), lambda c: (c, none), colour
    )

    def slopes() -> tuple[jax.Array, jax.Array]:
        shift = jnp.array([[0.0, 0.0], [_STEP, 0.0], [0.0, _STEP]])[..., None, None]  # (3, 2, 1, 1)
        here, right, below = _relief(person, state, mouth, x[None] + shift[:, 0], y[None] + shift[:, 1])
        flat = front * (1 - eyes) / _STEP
        return (right - here) * flat, (below - here) * flat

    slope = jax.lax.cond(jnp.any(front > 0), slopes, lambda: (none, none))
    oily = details.gloss * (0.5 + spot(x, 0.6 * (y - 0.1), 0.25) + mound(x, 0.4, y + 0.45, 0.2))
    return Skin(colour, slope, oily * (1 - 0.6 * eyes) + 0.9 * eyes + details.lip_gloss * lips)


def _relief(person: Person, state: State, mouth: Mouth, x: jax.Array, y: jax.Array) -> jax.Array:
    """Height above the ellipsoids, head units."""
    details, expression = person.details, expression_of(state) or no_expression()
    side, eye_y, tip = jnp.abs(x), y - person.eye_height, nose_tip(person)
    ex = side - person.eye_distance
    smile = jnp.maximum(0.5 * (expression.corner_left + expression.corner_right), 0) + 0.6 * expression.cheeks
    frown = jnp.maximum(-expression.inner_brows, 0)
    raised = jnp.maximum(state.brows, 0) + jnp.maximum(expression.outer_brows, 0)
    h = -0.05 * spot(ex + 0.03, 1.3 * (eye_y + 0.01), 0.17) - 0.03 * spot(side - 0.1, 1.2 * (eye_y + 0.02), 0.07)
    h += 0.03 * mound(side - 0.2, 0.2, eye_y + 0.19, 0.07) + 0.02 * mound(x, 0.05, y - 0.05, 0.25)
    # Under the eyes, beside the nose, around the mouth and the chin.
    h -= 0.014 * details.eye_bags * mound(ex + 0.03, 0.13, eye_y - 0.15 + 0.9 * ex * ex, 0.025)
    wing = jnp.sqrt(jnp.square(side / (0.19 * person.nose_width)) + jnp.square((y - tip - 0.02) / 0.1))
    h -= 0.02 * bell(wing - 1.05, 0.2) * step(y - tip + 0.05, 0.1)
    fold = side - 0.17 - 0.5 * jnp.maximum(y - 0.34, 0) + 0.25 * jnp.square(y - 0.34)
    here = step(y - 0.33, 0.08) * step(0.72 - y, 0.15)
    deep = 0.3 + 0.9 * details.wrinkles + 0.9 * smile + 0.8 * expression.nose_wrinkle
    h += here * deep * (0.014 * bell(fold - 0.07, 0.07) - 0.012 * bell(fold, 0.028))
    h += 0.03 * expression.cheeks * spot(side - 0.36, y - 0.16, 0.14)
    lips = lip_lines(mouth, x)
    h -= 0.008 * bell(x, 0.028) * step(y - tip - 0.1, 0.06) * step(lips.outer_upper - y, 0.06)
    h -= 0.02 * mound(x, 0.2, y - lips.outer_lower - 0.05, 0.04)
    h += _lip_relief(mouth, lips, x, y)
    # Wrinkles.
    h -= 0.012 * (0.25 * details.wrinkles + frown) * mound(side - 0.05, 0.016, eye_y + 0.17, 0.07)
    lines = wave(50 * (y + 0.02 * wave(5 * x + details.seed)) + 1.5 * wave(3 * x)) * mound(x, 0.4, y + 0.47, 0.13)
    h += 0.0035 * (0.5 * details.wrinkles + raised) * lines
    rays = wave(24 * eye_y / jnp.maximum(ex, 0.1) + details.seed) * spot(ex - 0.22, eye_y - 0.02, 0.1)
    h += 0.003 * (0.8 * details.wrinkles + expression.squint + 0.5 * smile) * rays
    h += 0.004 * expression.nose_wrinkle * wave(70 * y) * mound(side - 0.06, 0.05, eye_y - 0.06, 0.09)
    fine = 0.0016 * details.pores * noise(62 * x, 62 * y, seeded(details.seed, 31))
    rough = 0.01 * details.wrinkles * fractal(7 * x, 7 * y, seeded(details.seed, 32), 2)
    return details.relief * h + fine + rough


def _lip_relief(mouth: Mouth, lips: Lips, x: jax.Array, y: jax.Array) -> jax.Array:
    """Two rolls."""

    def roll(top: jax.Array, bottom: jax.Array) -> jax.Array:
        half = jnp.maximum(0.5 * (bottom - top), 0.01)
        return jnp.clip(1 - jnp.square((y - 0.5 * (top + bottom)) / half), 0, 1)

    within = step(mouth.width - jnp.abs(x), 0.06)
    return within * (0.014 * roll(lips.outer_upper, lips.inner_upper) + 0.02 * roll(lips.inner_lower, lips.outer_lower))


def _complexion(person: Person, state: State, at: Vector, front: jax.Array, pixel: jax.Array) -> Vector:
    """Skin without features."""
    x, y, z = at
    details, side = person.details, jnp.abs(x)
    around = 0.75 * jnp.arctan2(x, jnp.maximum(z, -0.3) + 0.5)
    uneven = colour_fractal(4 * around, 4 * y, seeded(details.seed, 33), 4, 0.6)
    grey = sum(uneven) / 3
    skin = linear(person.skin)
    colour = tuple(s * jnp.exp(details.mottle * (0.07 * grey + 0.09 * u)) for s, u in zip(skin, uneven, strict=True))
    tip = nose_tip(person)
    red = 0.8 * spot(side - 0.38, 1.2 * (y - 0.22), 0.22) + 0.7 * spot(x, y - tip, 0.14) + step(side - 0.66, 0.1)
    red = details.flush * jnp.clip(red + 0.4 * spot(x, y - 0.85, 0.2) + 0.5 * person.blush, 0, 1)
    colour = _times(colour, (1.0, 0.72, 0.7), red * 0.8)
    under = spot(0.9 * (side - person.eye_distance + 0.03), 1.7 * (y - person.eye_height - 0.12), 0.13)
    colour = _times(colour, (0.72, 0.62, 0.66), 0.6 * details.eye_bags * under * front)
    dots = specks(21 * around, 21 * y, seeded(details.seed, 34), 0.32, 0.5) * spot(side - 0.25, 1.4 * (y - 0.15), 0.35)
    colour = _times(colour, (0.6, 0.42, 0.32), jnp.minimum(1.0, 1.6 * person.freckles) * dots)
    mole = specks(4 * around, 4 * y, seeded(details.seed, 35), 0.07, 0.4)
    colour = _times(colour, (0.35, 0.2, 0.15), details.moles * mole)
    colour = jax.lax.cond(
        details.strange > 0,
        lambda c: mix(c, paint_pattern(details.pattern, around, y, pixel), jnp.minimum(details.strange, 1.0)),
        lambda c: c,
        colour,
    )
    lid = spot(0.8 * (side - person.eye_distance - 0.02), 1.4 * (y - person.eye_height + 0.11), 0.13) * front
    colour = mix(colour, tuple(details.shadow_colour), details.eye_shadow * lid)
    bearded = (person.beard > 0) | (person.moustache > 0) | (details.stubble > 0)
    colour = jax.lax.cond(bearded, lambda c: _whiskers(person, state, c, at, pixel), lambda c: c, colour)
    # What lies so deep that little light comes to it.
    nostril = 0.85 * spot(side - 0.075 * person.nose_width, 1.8 * (y - tip - 0.085), 0.036)
    below = 0.35 * spot(0.6 * x, 1.5 * (y - tip - 0.12), 0.08)
    socket = 0.25 * spot(side - person.eye_distance + 0.06, 1.2 * (y - person.eye_height + 0.05), 0.15)
    ear = 0.5 * step(side - 0.7, 0.06) * (0.5 + 0.5 * wave(34 * y + 9 * z)) * step(0.28 - jnp.abs(y - 0.06), 0.1)
    deep = (1 - nostril * front) * (1 - below * front) * (1 - socket * front) * (1 - ear)
    return tuple(c * (1 - (1 - deep) * f) for c, f in zip(colour, (0.85, 1.0, 1.0), strict=True))


def _times(colour: Vector, factors: tuple[float, float, float], share: jax.Array) -> Vector:
    return tuple(c * (1 - share * (1 - f)) for c, f in zip(colour, factors, strict=True))


def _whiskers(person: Person, state: State, colour: Vector, at: Vector, pixel: jax.Array) -> Vector:
    """Beards and moustaches of single hairs, and what is left of them in the evening."""
    x, y, z = at
    details, mouth = person.details, mouth_of(person, state)
    drop, side = JAW_DROP * state.jaw, jnp.abs(x)
    jaw_y = y - drop * step(y - 0.62 - 0.4 * drop, 0.4)
    ragged = 0.06 * noise(14 * x, 14 * y, seeded(details.seed, 36))
    edge = 0.6 - 1.1 * jnp.maximum(side - 0.2, 0.0) + ragged
    beard = step(jaw_y - edge, 0.12) * step(z + 0.02, 0.15)
    beard = jnp.maximum(beard, step(side - 0.58, 0.1) * step(jaw_y + ragged, 0.3) * step(z + 0.02, 0.15))
    above = mouth.outer_upper - 0.035 + 0.3 * jnp.square(side)
    moustache = step(0.07 + 0.5 * ragged - jnp.abs(y - above), 0.05) * step(mouth.width + 0.06 - side, 0.12)
    moustache = moustache * step(z - 0.3, 0.2)
    hairs = noise(46 * x + 6 * y * jnp.sign(x), 17 * y, seeded(details.seed, 37))
    dots = noise(58 * x, 58 * y, seeded(details.seed, 38))
    hair, skin = linear(person.hair.colour), linear(person.skin)
    dark = tuple(h * (0.75 + 0.55 * hairs) + 0.05 * s for h, s in zip(hair, skin, strict=True))
    cover = jnp.maximum(person.beard * beard, person.moustache * moustache)
    cover = jnp.clip(cover * (1.15 + 0.5 * hairs), 0, 1)
    shaved = details.stubble * jnp.maximum(beard, moustache) * (0.45 + 0.35 * dots)
    blue = tuple(0.25 * c + 0.75 * h * f for c, h, f in zip(colour, hair, (0.95, 1.0, 1.1), strict=True))
    return mix(mix(colour, blue, jnp.clip(shaved, 0, 1)), dark, cover)
