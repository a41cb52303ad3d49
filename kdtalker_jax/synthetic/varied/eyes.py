"""Eyes and brows as photographs show them."""

import jax
import jax.numpy as jnp

from kdtalker_jax.synthetic.curves import (
    EYE_WIDTH,
    GAZE_X,
    GAZE_Y,
    bell,
    brow_lines,
    eye_opening,
    iris_radius,
    lid_lines,
)
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.skin import spot
from kdtalker_jax.synthetic.state import State
from kdtalker_jax.synthetic.surfaces import Vector, mix, step
from kdtalker_jax.synthetic.varied.lights import linear
from kdtalker_jax.synthetic.varied.noise import noise, seeded


def paint_brows(
    person: Person, state: State, colour: Vector, x: jax.Array, y: jax.Array, front: jax.Array, pixel: jax.Array
) -> Vector:
    """Of single hairs that lie outwards, dense in the middle."""
    details = person.details
    along, middle, thick = brow_lines(person, state, x)
    across = (y - middle) / jnp.maximum(thick, 0.008)
    hairs = noise(
        16 * along + 2.5 * across, 3.5 * across - 9 * along, seeded(details.seed, 41) + (x < 0).astype(jnp.uint32)
    )
    inside = jnp.minimum(thick - jnp.abs(y - middle), 0.2 * (1.04 - jnp.abs(along)))
    inside = inside + 0.012 * details.brow_hair * hairs
    cover = step(inside, 2 * pixel + 0.02) * (1 - details.brow_hair * (0.35 - 0.35 * hairs))
    return mix(colour, tuple(linear(person.brows)), 0.9 * front * cover)


def paint_eyes(
    person: Person, state: State, colour: Vector, x: jax.Array, y: jax.Array, front: jax.Array, pixel: jax.Array
) -> tuple[Vector, jax.Array]:
    """Returns the colour, and where the open eye is: wet, and without the skin's relief."""
    details = person.details
    sign = jnp.where(x < 0, -1.0, 1.0)
    lid = jnp.where(x < 0, state.lid_left, state.lid_right)
    size = EYE_WIDTH * person.eye_size
    ex, flat = jnp.abs(x) - person.eye_distance, y - person.eye_height
    ey = flat + person.eye_tilt * ex
    along = jnp.clip(jnp.square(ex / size), 0.0, 1.4)
    openings = eye_opening(person, state, lid)
    upper_edge, lower_edge = lid_lines(person, openings, ex)
    soft = 1.3 * pixel
    open_ = jnp.clip((lower_edge - upper_edge) / soft, 0, 1)
    inside = open_ * step(jnp.minimum(ey - upper_edge, lower_edge - ey), soft)

    # Lids: crease, the pink rims, lashes and liner.
    within = step(1.3 - along, 0.5)
    rest = -0.66 * size * details.eye_opening
    crease = bell(ey - (0.75 * rest + 0.25 * openings[0] - 0.05) * (1 - 0.75 * along), 0.014) * within
    lids = jnp.maximum(0.75 * details.lid_fold * crease, 0.35 * bell(ey - lower_edge - 0.012, 0.014) * within)
    colour = tuple(c * (1 - f * front * lids) for c, f in zip(colour, (0.55, 0.72, 0.7), strict=True))
    lash = 0.008 + 0.014 * person.lashes + 0.014 * details.liner
    comb = 1 + 0.5 * person.lashes * noise(50 * ex + 18 * ey * jnp.sign(ex), 5 * ey, seeded(details.seed, 42))
    upper = step(lash * comb - jnp.abs(ey - upper_edge + 0.5 * lash), soft + 0.006) * step(1.15 - along, 0.3)
    lower = step(0.4 * lash * comb - jnp.abs(ey - lower_edge - 0.2 * lash), soft + 0.006) * step(0.95 - along, 0.4)
    wing = step(0.016 - jnp.abs(ey + 0.35 * (ex - size) + 0.02), soft) * bell(ex - 1.15 * size, 0.05) * details.liner

    eye = _eyeball(person, state, ex, flat, sign, pixel)
    ball = jnp.clip(1 - 0.35 * along - jnp.square((ey - 0.2 * openings[1]) / (0.16 * person.eye_size)), 0, 1)
    lid_shadow = 1 - 0.55 * step(0.03 - (ey - upper_edge), 0.07)
    eye = tuple(c * (0.55 + 0.45 * ball) * lid_shadow for c in eye)
    corner = spot(ex + 0.92 * size, 1.2 * (ey - 0.01), 0.035)
    eye = mix(eye, (0.5, 0.2, 0.17), 0.8 * corner)
    eye = mix(eye, (1.5, 1.5, 1.5), _catchlights(person, state, ex, flat, sign))
    colour = mix(colour, eye, inside * front)
    dark = tuple(0.2 * c for c in linear(person.brows))
    lines = jnp.maximum(jnp.maximum(upper, (0.25 + 0.5 * person.lashes) * lower), wing)
    return mix(colour, dark, (0.55 + 0.4 * person.lashes) * lines * front), inside * front


def _gaze(person: Person, state: State, ex: jax.Array, flat: jax.Array, sign: jax.Array) -> Vector:
    """Places measured from the iris, and its radius."""
    return ex - GAZE_X * state.gaze_x * sign, flat - GAZE_Y * state.gaze_y, iris_radius(person)


def _eyeball(person: Person, state: State, ex: jax.Array, flat: jax.Array, sign: jax.Array, pixel: jax.Array) -> Vector:
    details = person.details
    gx, gy, edge = _gaze(person, state, ex, flat, sign)
    radius = jnp.sqrt(gx * gx + gy * gy + 1e-8) / edge
    soft = 1.3 * pixel / edge
    spokes = noise(9 * gx / (edge * (radius + 0.15)), 9 * gy / (edge * (radius + 0.15)), seeded(details.seed, 43))
    base = linear(person.iris)
    light = 0.9 + 0.5 * spokes * step(radius - 0.4, 0.3) + 0.5 * jnp.clip(gy / edge, -0.6, 0.7)
    ring = 1 - 0.75 * step(radius - 0.86, 0.25)
    warm = bell(radius - 0.5, 0.18)
    iris = tuple(b * light * ring * (1 + 0.5 * warm * f) for b, f in zip(base, (1.0, 0.5, 0.0), strict=True))
    iris = mix(iris, (0.004, 0.004, 0.004), step(0.42 - radius, soft))
    veins = jnp.clip(noise(20 * ex, 60 * flat, seeded(details.seed, 44)) - 0.3, 0, 1) * step(radius - 1.5, 1.0)
    white = tuple(w * (1 - f * veins) for w, f in zip(details.eye_white, (0.1, 0.45, 0.4), strict=True))
    return mix(white, iris, step(1 - radius, soft + 0.08))


def _catchlights(person: Person, state: State, ex: jax.Array, flat: jax.Array, sign: jax.Array) -> jax.Array:
    """What the lights throw back, where they stand: windows and lamps."""
    details = person.details
    gx, gy, edge = _gaze(person, state, ex, flat, sign)
    total = 0.0
    for number in range(2):
        towards, strength = details.lights.towards[number], jnp.mean(details.lights.colours[number])
        px, py = gx * sign - 0.62 * edge * towards[0], gy - 0.62 * edge * towards[1]
        size = edge * (0.09 + 0.15 * details.catchlight)
        window = step(size - jnp.maximum(jnp.abs(px), jnp.abs(py)), 0.6 * size)
        total += jnp.clip(1.2 * strength, 0, 1) * window * (towards[2] > 0.1).astype(jnp.float32)
    return jnp.clip(total, 0, 1) * step(details.catchlight - 0.05, 0.1)
