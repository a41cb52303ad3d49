"""How points of a head come into the picture: turned, stretched where the person's head is, near or far.

The varied world's cameras stand at a finite distance. The map p -> p / (1 - z / distance) makes the rays of such a
camera parallel and ellipsoids of ellipsoids, so that `surfaces` serves both worlds.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from kdtalker_jax.synthetic.anatomy import PICTURE_UNITS, head_rotation
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.state import State
from kdtalker_jax.synthetic.surfaces import Ellipsoid, Vector, unit


class View(NamedTuple):
    """Of one frame."""

    forward: jax.Array  # (3, 3) row vectors of the unturned head times this are as seen
    back: jax.Array  # (3, 3) this times column vectors as seen are the unturned head's
    pixel: jax.Array  # its size in head units
    distance: jax.Array  # of the camera, head units

    def rays(self, ellipsoids: Ellipsoid) -> Ellipsoid:
        """Stacked ellipsoids as seen -> as parallel rays meet them."""
        return jax.vmap(lambda one: _as_parallel_rays_meet(one, self.distance))(ellipsoids)

    def point(self, x: jax.Array, y: jax.Array, depth: jax.Array) -> Vector:
        """Where the parallel ray at x, y has gone `depth` deep: as seen, head units."""
        near = 1 / (1 + depth / self.distance)
        return x * near, y * near, depth * near

    def normal(self, x: jax.Array, y: jax.Array, depth: jax.Array, normal: Vector) -> Vector:
        """The normal as seen of a surface that parallel rays meet with this one."""
        nx, ny, nz = normal
        return unit((nx, ny, nz + (nx * x + ny * y + nz * depth) / self.distance))


def view_of(person: Person, state: State, size: int) -> View:
    """Of people with details."""
    forward = person.details.shape @ head_rotation(state)
    return View(
        forward, jnp.linalg.inv(forward).T, 2 / size / (PICTURE_UNITS * state.size), person.details.camera.distance
    )


def in_picture(person: Person, state: State, points: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Points of the unturned head, (P, 3) in head units.

    Returns:
        (P, 2) in picture coordinates; (P,) their depth in the same unit, towards the viewer, 0 at the head's centre.
    """
    turned = (
        points @ head_rotation(state)
        if person.details is None
        else points @ person.details.shape @ head_rotation(state)
    )
    scale = PICTURE_UNITS * state.size
    middle = jnp.stack([jnp.float32(state.x), jnp.float32(state.y)])
    flat, depth = turned[:, :2], turned[:, 2] * scale
    if person.details is not None:
        flat = flat / (1 - turned[:, 2:] / person.details.camera.distance)
    return flat * PICTURE_UNITS * state.size + middle[None], depth


def _as_parallel_rays_meet(ellipsoid: Ellipsoid, distance: jax.Array) -> Ellipsoid:
    quadric = ellipsoid.axes.T @ ellipsoid.axes
    along = quadric @ ellipsoid.centre
    # p = p' / (1 + z' / distance), in homogeneous coordinates: (p', 1 + z' / distance).
    last = jnp.array([0.0, 0.0, 1.0]) / distance
    constant = ellipsoid.centre @ along - 1
    square = quadric - jnp.outer(along, last) - jnp.outer(last, along) + constant * jnp.outer(last, last)
    offset = -along + constant * last
    centre = -jnp.linalg.solve(square, offset)
    scale = centre @ square @ centre - constant
    return ellipsoid._replace(centre=centre, axes=jnp.linalg.cholesky(square / scale).T)
