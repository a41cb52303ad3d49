"""What is painted on a face: eyes, brows, lips and what is behind them, whiskers, blush. In the head's own coordinates.

Colours are tuples of three channels, each of the pixels' shape; lengths are in head units, y down.
"""

import jax
import jax.numpy as jnp

from kdtalker_jax.synthetic.anatomy import JAW_DROP, Mouth, mouth_of, nose_tip
from kdtalker_jax.synthetic.curves import (
    EYE_WIDTH,
    GAZE_X,
    GAZE_Y,
    IRIS,
    bell,
    brow_lines,
    eye_opening,
    lid_lines,
    lip_lines,
)
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.state import State
from kdtalker_jax.synthetic.surfaces import Vector, mix, step, wave

MOUTH_DARK = (0.2, 0.045, 0.055)
TEETH = (0.93, 0.91, 0.87)
TONGUE = (0.66, 0.27, 0.28)
EYE_WHITE = (0.95, 0.94, 0.93)


def spot(x: jax.Array, y: jax.Array, width: float) -> jax.Array:
    """A round bell."""
    return jnp.exp((x * x + y * y) * (-1 / width**2))


def paint_skin(person: Person, state: State, at: Vector, view: Vector, pixel: jax.Array) -> tuple[Vector, jax.Array]:
    """The face's colour before light.

    Args:
        person: one person. state: one frame.
        at: points of the face. view: direction to the viewer; both in the head's coordinates.
        pixel: size of a pixel.

    Returns:
        The colour and the strength of wet highlights (eyes and lips).
    """
    x, y, z = at
    front = step(z - 0.05, 0.2)
    eyes = jnp.abs(y - person.eye_height)
    # Layers are skipped where none of the points are in their reach: most tiles of a picture see few of them.
    colour = _complexion(person, tuple(jnp.broadcast_to(c, x.shape) for c in person.skin), x, y, front)
    bearded = (person.beard > 0) | (person.moustache > 0)
    colour = jax.lax.cond(bearded, lambda c: _whiskers(person, state, c, x, y, z), lambda c: c, colour)
    near = jnp.any((front > 0) & (eyes < 0.5))
    colour = jax.lax.cond(near, lambda c: _brows(person, state, c, x, y, front, pixel), lambda c: c, colour)
    near = jnp.any((front > 0) & (eyes < 0.25))
    colour, wet_eyes = jax.lax.cond(
        near, lambda c: _eyes(person, state, c, x, y, front, pixel), lambda c: (c, jnp.zeros_like(x)), colour
    )
    near = jnp.any((front > 0) & (y > 0.3) & (y < 1.2) & (jnp.abs(x) < 0.5))
    colour, wet_lips = jax.lax.cond(
        near, lambda c: _mouth(person, state, c, at, view, front, pixel), lambda c: (c, jnp.zeros_like(x)), colour
    )
    return colour, wet_eyes + wet_lips


def _complexion(person: Person, colour: Vector, x: jax.Array, y: jax.Array, front: jax.Array) -> Vector:
    side = jnp.abs(x)
    blush = 0.8 * person.blush * spot(side - 0.4, 1.2 * (y - 0.24), 0.2)
    nose = 0.35 * person.blush * spot(x, y - 0.26, 0.12)
    red = tuple(c * f for c, f in zip(colour, (1.0, 0.72, 0.7), strict=True))
    colour = mix(colour, red, jnp.minimum(blush + nose, 1.0) * front * 0.75)
    colour = jax.lax.cond(person.freckles > 0, lambda c: _freckles(person, c, x, y, front), lambda c: c, colour)
    # Eye sockets and the sides of the nose are in their own shade; nostrils are dark.
    socket = 0.14 * spot(side - person.eye_distance + 0.04, 1.3 * (y - person.eye_height + 0.03), 0.16)
    tip = nose_tip(person)
    nostril = 0.6 * spot(side - 0.07 * person.nose_width, 1.7 * (y - tip - 0.085), 0.034)
    under = 0.16 * spot(0.6 * x, 1.5 * (y - tip - 0.13), 0.08)
    shade = (1 - socket * front) * (1 - nostril * front) * (1 - under * front)
    return tuple(c * (1 - (1 - shade) * f) for c, f in zip(colour, (0.85, 1.0, 1.0), strict=True))


def _freckles(person: Person, colour: Vector, x: jax.Array, y: jax.Array, front: jax.Array) -> Vector:
    side = jnp.abs(x)
    spots = wave(37 * x + 3 * wave(23 * y)) * wave(41 * y + 2 * wave(29 * x))
    spots = step(spots - 0.55, 0.5) * spot(side - 0.25, 1.6 * (y - 0.16), 0.22)
    brown = tuple(c * f for c, f in zip(colour, (0.8, 0.66, 0.55), strict=True))
    return mix(colour, brown, person.freckles * 0.6 * spots * front)


def _whiskers(person: Person, state: State, colour: Vector, x: jax.Array, y: jax.Array, z: jax.Array) -> Vector:
    mouth = mouth_of(person, state)
    drop = JAW_DROP * state.jaw
    jaw_y = y - drop * step(y - 0.62 - 0.4 * drop, 0.4)
    side = jnp.abs(x)
    edge = 0.62 - 1.1 * jnp.maximum(side - 0.22, 0.0)  # from the chin up to the ears
    beard = step(jaw_y - edge, 0.1) * step(z + 0.02, 0.15)
    beard = jnp.maximum(beard, 0.8 * step(side - 0.56, 0.08) * step(jaw_y - 0.0, 0.2) * step(z + 0.02, 0.15))
    above = mouth.outer_upper - 0.035 + 0.3 * jnp.square(side)
    moustache = step(0.075 - jnp.abs(y - above), 0.05) * step(mouth.width + 0.06 - side, 0.12) * step(z - 0.3, 0.2)
    hair = tuple(0.75 * h + 0.1 * s for h, s in zip(person.hair.colour, person.skin, strict=True))
    return mix(colour, hair, jnp.maximum(person.beard * beard, person.moustache * moustache))


def _brows(
    person: Person, state: State, colour: Vector, x: jax.Array, y: jax.Array, front: jax.Array, pixel: jax.Array
) -> Vector:
    along, middle, thick = brow_lines(person, state, x)
    inside = jnp.minimum(thick - jnp.abs(y - middle), 0.2 * (1.02 - jnp.abs(along)))
    return mix(colour, person.brows, 0.92 * front * step(inside, 2 * pixel + 0.02))


def _eyes(
    person: Person, state: State, colour: Vector, x: jax.Array, y: jax.Array, front: jax.Array, pixel: jax.Array
) -> tuple[Vector, jax.Array]:
    sign = jnp.where(x < 0, -1.0, 1.0)
    size = EYE_WIDTH * person.eye_size
    ex, ey = jnp.abs(x) - person.eye_distance, y - person.eye_height
    ey = ey + person.eye_tilt * ex
    along = jnp.clip(jnp.square(ex / size), 0.0, 1.4)
    lid = jnp.where(x < 0, state.lid_left, state.lid_right)
    upper_edge, lower_edge = lid_lines(person, eye_opening(person, state, lid), ex)
    soft = 1.3 * pixel
    open_ = jnp.clip((lower_edge - upper_edge) / soft, 0, 1)
    inside = open_ * step(jnp.minimum(ey - upper_edge, lower_edge - ey), soft)
    # The upper lid's crease and lashes, the shadow that the lid throws on the eye.
    crease = bell(ey - (-0.66 * size - 0.045) * (1 - 0.8 * along), 0.018) * step(1.25 - along, 0.5)
    lash_width = 0.013 + 0.013 * person.lashes
    lash = step(lash_width - jnp.abs(ey - upper_edge + 0.3 * lash_width), soft + 0.008) * step(1.12 - along, 0.24)
    bottom = 0.3 * bell(ey - lower_edge, 0.014) * step(1.0 - along, 0.3)
    colour = tuple(c * (1 - 0.22 * front * jnp.maximum(crease, bottom)) for c in colour)

    gx, gy = ex - GAZE_X * state.gaze_x * sign, ey - person.eye_tilt * ex - GAZE_Y * state.gaze_y
    radius = jnp.sqrt(gx * gx + gy * gy)
    iris_radius = IRIS * person.eye_size
    shading = 0.75 + 0.5 * jnp.clip(gy / iris_radius, -0.6, 0.8)
    iris = tuple(c * shading for c in person.iris)
    iris = mix(iris, tuple(0.35 * c for c in person.iris), step(radius - 0.86 * iris_radius, 0.03))
    iris = mix(iris, (0.03, 0.025, 0.03), step(0.46 * iris_radius - radius, soft))
    eye = mix(EYE_WHITE, iris, step(iris_radius - radius, soft))
    shade = 1 - 0.32 * step(0.035 - (ey - upper_edge), 0.08) - 0.1 * jnp.clip(along, 0, 1)
    eye = tuple(c * shade for c in eye)
    glint = spot(gx * sign - 0.032 * jnp.sign(person.light[0]), gy + 0.032, 0.021)
    eye = mix(eye, (1.0, 1.0, 1.0), jnp.clip(1.4 * glint, 0, 1))
    colour = mix(colour, eye, inside * front)
    dark = tuple(0.3 * c for c in person.brows)
    return mix(colour, dark, 0.9 * lash * front), 0.25 * inside * front


def _mouth(
    person: Person, state: State, colour: Vector, at: Vector, view: Vector, front: jax.Array, pixel: jax.Array
) -> tuple[Vector, jax.Array]:
    x, y, _ = at
    mouth = mouth_of(person, state)
    outer_upper, inner_upper, inner_lower, outer_lower = lip_lines(mouth, x)
    soft = 1.3 * pixel
    within = step(mouth.width - jnp.abs(x), 2 * soft) * front
    lips = step(jnp.minimum(y - outer_upper, outer_lower - y), soft + 0.012) * within
    closed = 0.5 * (inner_upper + inner_lower)
    is_upper = step(closed - y, soft)
    height = jnp.clip((y - inner_lower) / (mouth.outer_lower - mouth.inner_lower), 0, 1)
    light = 0.86 + (1 - is_upper) * (0.06 + 0.2 * height * (1 - height))
    painted = tuple(c * light for c in person.lips)
    colour = mix(colour, painted, 0.93 * lips)
    below = 0.13 * bell(y - outer_lower - 0.05, 0.04) * bell(x, 0.16) * front
    colour = tuple(c * (1 - below) for c in colour)

    gap = jnp.clip((inner_lower - inner_upper) / soft, 0, 1)
    opening = gap * step(jnp.minimum(y - inner_upper, inner_lower - y), soft) * within
    seam = 0.75 * bell(y - closed, 0.011 + 0.3 * pixel) * within * (1 - opening)
    inside = _inside_of_mouth(mouth, state, at, view, soft)
    colour = mix(mix(colour, tuple(0.4 * c for c in person.lips), seam), inside, opening)
    return colour, 0.35 * lips * (1 - opening) * (1 - is_upper)


def _inside_of_mouth(mouth: Mouth, state: State, at: Vector, view: Vector, soft: jax.Array) -> Vector:
    """Teeth and tongue lie behind the lips: seen from the side, they move against them."""
    tx, ty = (at[i] - 0.08 * view[i] / view[2] for i in (0, 1))
    curve = 0.35 * jnp.square(tx)
    upper = step(
        mouth.inner_upper + jnp.minimum(0.02 + 0.24 * (mouth.inner_lower - mouth.inner_upper), 0.075) - curve - ty,
        soft + 0.012,
    ) * step(0.25 - jnp.abs(tx), 0.05)
    lower_edge = 0.53 + 0.8 * JAW_DROP * state.jaw
    lower = 0.7 * step(ty - lower_edge - 0.01 - curve, soft + 0.012) * step(0.17 - jnp.abs(tx), 0.05)
    tongue = step(ty - mouth.inner_lower + 0.13 - 1.6 * jnp.square(tx), 0.06)
    colour = mix(MOUTH_DARK, TONGUE, 0.75 * tongue)
    colour = mix(colour, tuple(0.8 * c for c in TEETH), lower)
    return mix(colour, TEETH, upper)
