"""The solid parts of a person: head, hair and body as ellipsoids in head units, with the jaw where the state has it."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.spaces.geometry import rotation_matrix
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.state import Expression, State, expression_of
from kdtalker_jax.synthetic.surfaces import Ellipsoid, outline, union

PICTURE_UNITS = 0.58  # of one head unit at size 1: crown to chin is 58 % of the picture's height
JAW_DROP = 0.3  # of the chin, wide open
MOUTH_HEIGHT = 0.53
THROWING = np.array([0, 1, 2, 8, 9, 10])  # of `head_parts`: the others but swell out of these, or hardly throw a shadow
NECK_BASE = np.array([0.0, 1.4, -0.22], np.float32)


class Mouth(NamedTuple):
    """The lips' curves in head units; heights are in the middle of the mouth."""

    width: jax.Array  # half of it
    inner_upper: jax.Array  # y
    inner_lower: jax.Array
    outer_upper: jax.Array
    outer_lower: jax.Array
    corner: jax.Array  # y
    lift: tuple[jax.Array, jax.Array] | None = None  # of the left and the right corner above that, by feelings


def mouth_of(person: Person, state: State) -> Mouth:
    """Where the lips are. They touch where the jaw is 0."""
    rounding = state.lip_rounding
    gap = 0.34 * state.jaw * (1 - 0.2 * rounding)
    full = person.lip_fullness * (1 + 0.3 * rounding) * (1 - 0.12 * state.lip_width) * (1 - 0.18 * state.jaw)
    width = 0.27 * person.mouth_width * (1 + 0.24 * state.lip_width) * (1 - 0.4 * rounding) * (1 - 0.08 * state.jaw)
    upper, lower = MOUTH_HEIGHT - 0.2 * gap, MOUTH_HEIGHT + 0.8 * gap
    corner = MOUTH_HEIGHT + 0.28 * gap - 0.03 * (1 - rounding) - 0.03 * jnp.maximum(state.lip_width, 0)
    mouth = Mouth(width, upper, lower, upper - 0.075 * full, lower + 0.095 * full, corner)
    expression = expression_of(state)
    return mouth if expression is None else _felt(mouth, expression)


def _felt(mouth: Mouth, expression: Expression) -> Mouth:
    """A smile is wide and shows the upper teeth of an open mouth, pressed lips are thin."""
    left, right = expression.corner_left, expression.corner_right
    smile = jnp.maximum(0.5 * (left + right), 0)
    thin = 1 - 0.6 * expression.press - 0.2 * smile
    raised = 0.15 * smile * (mouth.inner_lower - mouth.inner_upper)
    upper = mouth.inner_upper - raised
    sneer = 0.025 * expression.nose_wrinkle
    return mouth._replace(
        width=mouth.width * (1 + 0.16 * smile - 0.08 * expression.press),
        inner_upper=upper,
        outer_upper=upper - (mouth.inner_upper - mouth.outer_upper) * thin - sneer,
        outer_lower=mouth.inner_lower + (mouth.outer_lower - mouth.inner_lower) * thin,
        lift=(0.075 * left, 0.075 * right),
    )


def nose_tip(person: Person) -> jax.Array:
    """Its height, head units."""
    return 0.25 + 0.3 * (person.nose_length - 1)


def head_rotation(state: State) -> jax.Array:
    """(3, 3) for row vectors, as the keypoints turn: x y z of the head times this are x y z as seen.

    z points to the viewer, so a positive yaw turns the nose to the right of the picture and a positive pitch lifts it.
    """
    return rotation_matrix(state.pitch, state.yaw, state.roll)


def head_parts(person: Person, state: State) -> Ellipsoid:
    """Skull, face, nose, mouth, eyes and ears, stacked, unturned."""
    p, drop = person, JAW_DROP * state.jaw
    pout = 0.1 * state.lip_rounding
    tip = nose_tip(person)
    parts = [
        part((0, -0.22, -0.12), _skull(p)),
        part((0, 0.26 + 0.35 * drop, 0.12), (0.62 * p.jaw_width, 0.62 + 0.45 * drop, 0.6), 0.25),
        part((0, 0.63 + drop, 0.12), (0.43 * p.chin, 0.37, 0.54), 0.35),
        *(part((side * 0.33, 0.24, 0.38), (0.3 * p.cheeks, 0.3, 0.29 * p.cheeks), 0.2, edge=0.12) for side in (-1, 1)),
        part((0, 0.53 + 0.4 * drop, 0.46), (0.34, 0.26 + 0.5 * drop, 0.29 + pout), 0.2, edge=0.1),
        *(
            part((side * p.eye_distance, p.eye_height, 0.54), (0.17 * p.eye_size,) * 3, 0.1, edge=0.05)
            for side in (-1, 1)
        ),
        part((0, tip - 0.22, 0.69), (0.09 * p.nose_width, 0.3, 0.11), 0.16, tilt=0.32),
        part((0, tip, 0.82), (0.115 * p.nose_width, 0.095, 0.13), 0.1),
        part((0, tip + 0.025, 0.73), (0.175 * p.nose_width, 0.075, 0.1), 0.08),
        *(
            part((side * 0.74 * p.skull_width, 0.06, -0.1), (0.1, 0.2 * p.ear_size, 0.13 * p.ear_size), 0.05)
            for side in (-1, 1)
        ),
    ]  # fmt: skip
    return stacked(parts)


def hair_parts(person: Person) -> Ellipsoid:
    """The cap over the skull first, then the volumes that are not cut at the hairline, stacked, unturned."""
    hair = person.hair
    radii = hair.radii.at[0].multiply(_skull(person))
    parts = zip(hair.centres, radii, hair.cover, strict=True)
    return stacked([part(centre, size, 0.2)._replace(cover=cover) for centre, size, cover in parts])


def turned(parts: Ellipsoid, forward: jax.Array, back: jax.Array | None = None) -> Ellipsoid:
    """Parts of the head as seen: its rows times `forward`; `back` is its transposed inverse where it is no rotation."""
    return parts._replace(centre=parts.centre @ forward, axes=parts.axes @ (forward if back is None else back))


def neck(person: Person, rotation: jax.Array) -> Ellipsoid:
    """From the turned head to the resting shoulders: as seen."""
    top = jnp.array([0.0, 0.4, -0.2]) @ rotation
    lean = (NECK_BASE - top) / (NECK_BASE - top)[1]
    width = 0.36 * person.neck_width
    sheared = jnp.eye(3).at[0, 1].set(-lean[0]).at[2, 1].set(-lean[2])
    return Ellipsoid((top + NECK_BASE) / 2, sheared / jnp.stack([width, 0.95, width])[:, None], 0.1)


def body_parts(person: Person) -> Ellipsoid:
    """Chest and shoulders, stacked, as seen; they do not turn with the head."""
    width = person.shoulders
    parts = [
        part((0, 2.1, -0.3), (1.05 * width, 0.95, 0.52), 0.3),
        part((0, 1.78, -0.3), (0.82 * width, 0.56, 0.4), 0.4),
        *(part((side * 0.9 * width, 1.95, -0.32), (0.6, 0.55, 0.44), 0.4) for side in (-1, 1)),
    ]
    return stacked(parts)


def on_face(person: Person, state: State, x: jax.Array, y: jax.Array) -> jax.Array:
    """(points, 3): the points of the unturned face's surface at x, y (points,) in head units."""
    depth = union(jax.vmap(outline)(head_parts(person, state)), x, y, jnp.float32(1e-3)).depth
    return jnp.stack([x, y, depth], axis=-1)


def _skull(person: Person) -> jax.Array:
    """Its radii."""
    return jnp.stack([0.74 * person.skull_width, 0.78 * person.skull_height, 0.86 * person.skull_width])


def stacked(parts: list[Ellipsoid]) -> Ellipsoid:
    """Several in one, along a leading dimension."""
    return jax.tree.map(lambda *fields: jnp.stack([jnp.asarray(field, jnp.float32) for field in fields]), *parts)


def part(centre, radii, blend: float = 0.06, edge: float = 0.0, tilt: float = 0.0) -> Ellipsoid:
    """An ellipsoid along the head's axes, or tilted about the x axis so that its lower end comes forward (radians)."""
    cos, sin = jnp.cos(tilt), jnp.sin(tilt)
    lying = jnp.array([[1.0, 0.0, 0.0], [0.0, cos, sin], [0.0, -sin, cos]])
    return Ellipsoid(jnp.stack([jnp.float32(c) for c in centre]), lying / jnp.stack([*radii])[:, None], blend, edge)
