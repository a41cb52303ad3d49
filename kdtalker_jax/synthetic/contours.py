"""Dense landmarks of drawn heads: 162 points on the very lines that painting fills in, with depth.

They have the numbers of MediaPipe's face mesh (468 points, and 10 of the irises), so that one set of lines serves drawn
and real faces. Left and right as in the picture.
"""

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.synthetic.anatomy import head_parts, mouth_of, nose_tip, on_face
from kdtalker_jax.synthetic.curves import (
    EYE_WIDTH,
    GAZE_X,
    GAZE_Y,
    brow_lines,
    eye_opening,
    iris_radius,
    lid_lines,
    lip_lines,
)
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.state import State
from kdtalker_jax.synthetic.view import in_picture

_FINE = 65  # points of a line before it is cut into equal steps


def contours(person: Person, state: State) -> jax.Array:
    """The points of one frame in the order of `spaces.landmarks.contours.CONTOUR_SET`: (162, 3).

    x and y in picture coordinates (-1 to 1, y down), and depth in the same unit, towards the viewer, 0 at the head's
    centre.
    """
    flat, depth = in_picture(person, state, head_contours(person, state))
    return jnp.concatenate([flat, depth[:, None]], axis=-1)


def head_contours(person: Person, state: State) -> jax.Array:
    """The points on the unturned head: (162, 3) in head units."""
    flat = jnp.concatenate(
        [
            *_lips(person, state),
            *(_eye(person, state, side) for side in (-1, 1)),
            *_brows(person, state),
            _oval(person, state),
            _nose(person),
            *(_iris(person, state, side) for side in (-1, 1)),
        ]
    )
    return on_face(person, state, flat[:, 0], flat[:, 1])


def equal_steps(line: jax.Array, count: int) -> jax.Array:
    """`count` points of a line of straight pieces (K, 2), as far apart as each other, both ends among them."""
    pieces = jnp.diff(line, axis=0)  # (K - 1, 2)
    length = jnp.sqrt(jnp.square(pieces).sum(-1))
    end = jnp.cumsum(length)
    places = jnp.linspace(0.0, 1.0, count) * end[-1]
    # How much of each piece lies before each place: compiles in a fraction of the time that a search takes.
    share = jnp.clip((places[:, None] - (end - length)[None]) / jnp.maximum(length, 1e-9)[None], 0, 1)
    return line[:1] + (share[..., None] * pieces[None]).sum(1)


def _there_and_back(there: jax.Array, back: jax.Array, count: int, back_count: int) -> jax.Array:
    """A closed line: `count` points there, and `back_count` between its ends on the way back."""
    return jnp.concatenate([equal_steps(there, count), equal_steps(back, back_count + 2)[1:-1]])


def _crowded(low: jax.Array, high: jax.Array) -> jax.Array:
    """From `low` to `high`, closer at both ends, where lips and lids are steep."""
    share = 0.5 - 0.5 * jnp.cos(jnp.linspace(0.0, jnp.pi, _FINE))
    return low + (high - low) * share


def _line(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.stack(jnp.broadcast_arrays(x, y), axis=-1)


def _lips(person: Person, state: State) -> tuple[jax.Array, jax.Array]:
    mouth = mouth_of(person, state)
    x = _crowded(-mouth.width, mouth.width)
    lips = lip_lines(mouth, x)
    return tuple(
        _there_and_back(_line(x, lower), _line(x, upper)[::-1], 11, 9)
        for lower, upper in ((lips.outer_lower, lips.outer_upper), (lips.inner_lower, lips.inner_upper))
    )


def _eye(person: Person, state: State, side: int) -> jax.Array:
    """From the outer corner along the lower lid to the inner one, and back."""
    size = EYE_WIDTH * person.eye_size
    ex = _crowded(size, -size)
    lid = state.lid_left if side < 0 else state.lid_right
    upper, lower = (
        _line(side * (person.eye_distance + ex), person.eye_height + edge - person.eye_tilt * ex)
        for edge in lid_lines(person, eye_opening(person, state, lid), ex)
    )
    return _there_and_back(lower, upper[::-1], 9, 7)


def _brows(person: Person, state: State) -> list[jax.Array]:
    """Lower and upper edge of the left one from outside, then of the right one."""
    x = person.eye_distance + 0.01 + 0.18 * person.eye_size * jnp.linspace(1.0, -1.0, _FINE)
    edges = []
    for side in (-1, 1):
        _, middle, thick = brow_lines(person, state, side * x)
        edges += [equal_steps(_line(side * x, middle + sign * thick), 5) for sign in (1, -1)]
    return edges


def _oval(person: Person, state: State) -> jax.Array:
    """Forehead, jaw and chin of the head from the front: as far as any of its three ellipsoids goes, all around."""
    parts = head_parts(person, state)
    centre, radii = parts.centre[:3, :2], 1 / jnp.stack([parts.axes[:3, 0, 0], parts.axes[:3, 1, 1]], axis=-1)
    radii = radii * jnp.array([[0.93, 0.76], [1.0, 1.0], [1.0, 1.0]])  # the face ends below the crown
    origin = jnp.array([[0.0, 0.1]])
    angle = jnp.linspace(0.0, jnp.pi, _FINE)
    way = _line(jnp.sin(angle), -jnp.cos(angle))  # (K, 2) from the top over the right to the chin
    off, step = (origin - centre) / radii, way[:, None] / radii[None]  # (3, 2), (K, 3, 2)
    a, b, c = (step**2).sum(-1), (step * off[None]).sum(-1), (off**2).sum(-1)[None] - 1
    square = b * b - a * c
    reach = jnp.where(square > 0, (jnp.sqrt(jnp.maximum(square, 0)) - b) / a, 0).max(axis=1)  # (K,)
    right = equal_steps(origin + 0.985 * reach[:, None] * way, 19)
    left = right[::-1] * jnp.array([[-1.0, 1.0]])
    return jnp.concatenate([right, left[1:-1]])


def _nose(person: Person) -> jax.Array:
    """Its ridge down to the lip, then its wings: what is not on the ridge."""
    tip, width = nose_tip(person), person.nose_width
    ridge = jnp.concatenate([jnp.linspace(person.eye_height, tip - 0.05, 6), tip + jnp.array([0.0, 0.035, 0.07, 0.1])])
    base = jnp.array([[0.065, 0.09], [0.13, 0.075]])  # from the middle to the right, below the tip
    wing = jnp.array([[0.17, 0.05], [0.175, 0.015], [0.15, -0.02], [0.11, -0.045], [0.055, -0.05]])
    right = jnp.concatenate([base, wing])
    left = right * jnp.array([[-1.0, 1.0]])
    loop = jnp.concatenate([left[1::-1], right, left[:1:-1]])
    wings = jnp.stack([loop[:, 0] * width, loop[:, 1] + tip], axis=-1)
    return jnp.concatenate([_line(jnp.float32(0), ridge), wings])


def _iris(person: Person, state: State, side: int) -> jax.Array:
    """Right, top, left, bottom, centre; not cut by the lids."""
    radius = iris_radius(person)
    centre = jnp.stack([side * person.eye_distance + GAZE_X * state.gaze_x, person.eye_height + GAZE_Y * state.gaze_y])
    around = np.array([[1, 0], [0, -1], [-1, 0], [0, 1], [0, 0]], np.float32)
    return centre[None] + radius * around
