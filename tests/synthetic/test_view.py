"""Near cameras: rays of a point made parallel meet the same surfaces, and landmarks lie on them."""

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.synthetic.anatomy import part, stacked, turned
from kdtalker_jax.synthetic.people import random_people
from kdtalker_jax.synthetic.state import neutral_state
from kdtalker_jax.synthetic.surfaces import hit, outline
from kdtalker_jax.synthetic.varied.people import varied_people
from kdtalker_jax.synthetic.view import View, in_picture, view_of

PERSON = jax.tree.map(lambda field: field[0], varied_people(jax.random.key(2), 1))
STATE = jax.tree.map(lambda field: jnp.float32(field[0]), neutral_state())._replace(
    yaw=jnp.float32(25), pitch=jnp.float32(-10), size=jnp.float32(1.3), x=jnp.float32(0.1)
)


def _view(distance: float, forward=None) -> View:
    forward = jnp.eye(3) if forward is None else forward
    return View(forward, jnp.linalg.inv(forward).T, jnp.float32(0.01), jnp.float32(distance))


def test_parallel_rays_meet_what_the_rays_of_the_camera_meet():
    distance, shape = 5.0, part((0.2, -0.1, 0.3), (0.5, 0.7, 0.4), tilt=0.4)
    view = _view(distance)
    seen = jax.tree.map(lambda field: field[0], view.rays(stacked([shape])))
    x, y = jnp.meshgrid(jnp.linspace(-0.1, 0.4, 5), jnp.linspace(-0.4, 0.2, 5))
    surface = hit(outline(seen), x, y, view.pixel)
    point = jnp.stack(view.point(x, y, surface.depth), axis=-1)  # (5, 5, 3)
    np.testing.assert_allclose(
        jnp.linalg.norm((point - shape.centre[None, None]) @ shape.axes.T, axis=-1), 1, atol=1e-4
    )
    np.testing.assert_allclose(point[..., 0], x * (1 - point[..., 2] / distance), atol=1e-5)
    normal = jnp.stack(view.normal(x, y, surface.depth, surface.normal), axis=-1)
    expected = (point - shape.centre[None, None]) @ (shape.axes.T @ shape.axes)
    expected = expected / jnp.linalg.norm(expected, axis=-1, keepdims=True)
    np.testing.assert_allclose(normal, expected, atol=2e-3)


def test_stretched_parts_are_the_stretched_points():
    forward = jnp.array([[1.2, 0.1, 0.0], [0.0, 0.9, 0.2], [0.1, 0.0, 1.1]])
    shape = stacked([part((0.2, -0.1, 0.3), (0.5, 0.7, 0.4))])
    away = np.random.default_rng(0).normal(size=(20, 3))
    points = shape.centre + away / np.linalg.norm(away @ shape.axes[0].T, axis=-1, keepdims=True)
    seen = turned(shape, forward, jnp.linalg.inv(forward).T)
    off = (points @ forward - seen.centre) @ seen.axes[0].T
    np.testing.assert_allclose(jnp.linalg.norm(off, axis=-1), 1, atol=1e-4)


def test_points_of_the_head_and_of_the_picture_are_each_others_inverse():
    view = view_of(PERSON, STATE, 256)
    points = jnp.asarray(np.random.default_rng(1).uniform(-0.6, 0.6, (10, 3)), jnp.float32)
    flat, depth = in_picture(PERSON, STATE, points)
    scale = 2 / 256 / view.pixel
    x, y = ((flat[:, 0] - STATE.x) / scale, (flat[:, 1] - STATE.y) / scale)
    z = depth / scale
    seen = jnp.stack([x * (1 - z / view.distance), y * (1 - z / view.distance), z])
    np.testing.assert_allclose((view.back @ seen).T, points, atol=1e-4)


def test_near_cameras_make_noses_large():
    points = jnp.array([[0.1, 0.0, 0.8], [0.1, 0.0, 0.0]])
    state = jax.tree.map(lambda field: jnp.float32(field[0]), neutral_state())
    details = PERSON.details._replace(shape=jnp.eye(3))
    near, far = (
        in_picture(
            PERSON._replace(details=details._replace(camera=details.camera._replace(distance=jnp.float32(distance)))),
            state,
            points,
        )[0][:, 0]
        for distance in (4.0, 1e4)
    )
    np.testing.assert_allclose(near / far, [1.25, 1.0], atol=1e-3)
    plain = jax.tree.map(lambda field: field[0], random_people(jax.random.key(0), 1))
    np.testing.assert_allclose(in_picture(plain, state, points)[0][:, 0], far, rtol=1e-3)
