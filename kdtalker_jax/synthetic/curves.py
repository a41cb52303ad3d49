"""The lines of a face that painting fills in and landmarks lie on: lips, lids and brows, in head units, y down.

All take x of any shape, in the unturned head's coordinates.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from kdtalker_jax.synthetic.anatomy import Mouth
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.state import State, expression_of

EYE_WIDTH = 0.15  # half of an eye, at eye_size 1
IRIS = 0.082  # radius
GAZE_X, GAZE_Y = 0.05, 0.03  # how far the irises go


class Lips(NamedTuple):
    """Heights y of the four lines, of x's shape."""

    outer_upper: jax.Array
    inner_upper: jax.Array
    inner_lower: jax.Array
    outer_lower: jax.Array


def bell(distance: jax.Array, width: jax.Array | float) -> jax.Array:
    """exp(-(distance / width) ** 2)."""
    return jnp.exp(-jnp.square(distance * (1 / width)))


def mound(x: jax.Array, width: float, y: jax.Array, height: float) -> jax.Array:
    """`bell(x, width) * bell(y, height)` for the price of one."""
    return jnp.exp(jnp.square(x) * (-1 / width**2) + jnp.square(y) * (-1 / height**2))


def lip_lines(mouth: Mouth, x: jax.Array) -> Lips:
    """From corner to corner; beside the mouth all run on at the corners' height."""
    along = jnp.clip(jnp.square(x / mouth.width), 0.0, 1.0)
    ellipse = jnp.sqrt(1 - along)
    arc = 1 - along
    inner_upper = mouth.corner + (mouth.inner_upper - mouth.corner) * (0.5 * ellipse + 0.5 * arc)
    inner_lower = mouth.corner + (mouth.inner_lower - mouth.corner) * (0.5 * ellipse + 0.5 * arc)
    bow = 1 - 0.22 * bell(x, 0.055) + 0.1 * bell(jnp.abs(x) - 0.1, 0.07)
    outer_upper = inner_upper - (mouth.inner_upper - mouth.outer_upper) / 0.78 * bow * arc
    outer_lower = inner_lower + (mouth.outer_lower - mouth.inner_lower) * (0.6 * ellipse + 0.4 * arc)
    lips = Lips(outer_upper, inner_upper, inner_lower, outer_lower)
    if mouth.lift is None:
        return lips
    bend = along * jnp.where(x < 0, mouth.lift[0], mouth.lift[1])
    return Lips(*(line - bend for line in lips))


def mouth_corners(mouth: Mouth) -> tuple[jax.Array, jax.Array]:
    """Heights of the left and the right one."""
    if mouth.lift is None:
        return mouth.corner, mouth.corner
    return mouth.corner - mouth.lift[0], mouth.corner - mouth.lift[1]


def eye_opening(person: Person, state: State, lid: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Heights of the upper and the lower lid's middle above (-) and below (+) the eye's centre.

    Args:
        lid: that of this eye, 1 closed.
    """
    size = EYE_WIDTH * person.eye_size
    closed = 0.42 * size
    above, below = 0.66 * size, 0.5 * size
    if person.details is not None:
        above, below, closed = (edge * person.details.eye_opening for edge in (above, below, closed))
    expression = expression_of(state)
    if expression is not None:
        above = above * (1 + 0.3 * expression.widen - 0.3 * expression.squint)
        below = below * (1 + 0.12 * expression.widen - 0.5 * expression.squint - 0.3 * expression.cheeks)
        closed = jnp.minimum(closed, below)
    upper = -above * (1 - lid) + closed * lid
    return upper, below + (closed - below) * lid


def lid_lines(person: Person, openings: tuple[jax.Array, jax.Array], ex: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Upper and lower lid at `ex` from the eye's centre, before the eye is tilted; they cross beside the eye."""
    upper, lower = openings
    along = jnp.clip(jnp.square(ex / (EYE_WIDTH * person.eye_size)), 0.0, 1.4)
    return upper * (1 - along), lower * (1 - along)


def brow_lines(person: Person, state: State, x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Place along each brow (-1 at the nose .. 1 outside), height of its middle, and half its thickness there."""
    along = (jnp.abs(x) - person.eye_distance - 0.01) / (0.18 * person.eye_size)
    raised = 0.07 * state.brows * (1 - 0.25 * along * jnp.sign(state.brows))
    expression = expression_of(state)
    if expression is not None:
        outer = jnp.clip(0.5 + 0.5 * along, 0, 1)
        raised = raised + 0.075 * (expression.outer_brows * outer + expression.inner_brows * (1 - outer))
    arch = 0.05 * person.brow_arch * (1 - jnp.square(along - 0.25)) - 0.03
    middle = person.eye_height - person.brow_height - raised - arch
    thick = 0.036 * person.brow_thickness * jnp.clip(1.0 - 0.3 * along - 0.3 * along * along, 0.0, 1.2)
    return along, middle, thick


def brow_ends(person: Person, state: State, side: int) -> list[tuple[jax.Array, jax.Array]]:
    """Places on the middle of the left (-1) or the right brow, shortly before it ends at the nose and outside."""
    x = [side * (person.eye_distance + 0.01 + along * 0.18 * person.eye_size) for along in (-0.8, 0.8)]
    return [(end, brow_lines(person, state, end)[1]) for end in x]


def iris_radius(person: Person) -> jax.Array:
    """() head units."""
    radius = IRIS * person.eye_size
    return radius if person.details is None else radius * person.details.iris_size
