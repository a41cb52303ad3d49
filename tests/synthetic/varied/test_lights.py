"""Light: it falls where it should, and solid parts keep it away."""

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.synthetic.anatomy import part, stacked
from kdtalker_jax.synthetic.varied.draws import Draws
from kdtalker_jax.synthetic.varied.lights import Lights, linear, random_lights, shade, shadow_of


def _lights(**fields) -> Lights:
    """One from the right, and nothing else."""
    lights = Lights(
        towards=jnp.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]),
        colours=jnp.array([[1.0, 0.5, 0.25], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),
        sky=jnp.zeros(3),
        ground=jnp.zeros(3),
        shadow=jnp.float32(1),
        softness=jnp.float32(0.1),
    )
    return lights._replace(**fields)


def _points(*points: tuple[float, float, float]):
    return tuple(jnp.array(points, jnp.float32).T)


def test_a_ball_throws_its_shadow_away_from_the_light():
    ball = stacked([part((0, 0, 0), (0.2, 0.2, 0.2))])
    reached = shadow_of(ball, _lights(), _points((-1, 0, 0), (1, 0, 0), (-1, 0.5, 0), (0.2, 0, 0), (-0.2, 0, 0)))
    np.testing.assert_allclose(reached[:4], [0, 1, 1, 1], atol=1e-3)
    assert shadow_of(ball, _lights(shadow=jnp.float32(0.5)), _points((-1, 0, 0)))[0] == 0.5
    assert shadow_of(ball._replace(cover=jnp.zeros(1)), _lights(), _points((-1, 0, 0)))[0] == 1


def test_soft_lights_have_soft_shadows():
    ball = stacked([part((0, 0, 0), (0.2, 0.2, 0.2))])
    line = _points(*((-1, y, 0) for y in np.linspace(0, 0.5, 60)))
    hard, soft = (
        np.asarray(shadow_of(ball, _lights(softness=jnp.float32(softness)), line)) for softness in (0.05, 0.8)
    )
    partly = [np.count_nonzero((reached > 0.05) & (reached < 0.95)) for reached in (hard, soft)]
    assert 0 < partly[0] < 0.3 * partly[1]


def test_what_faces_the_light_takes_its_colour():
    normals = _points((1, 0, 0), (-1, 0, 0), (0.6, 0, 0.8))
    albedo = (jnp.full(3, 0.5),) * 3
    lit = jnp.stack(shade(_lights(), albedo, normals, jnp.ones(3), 0.0, (0.0, 0.0, 0.0)))  # (channel, point)
    np.testing.assert_allclose(lit[:, 0], [0.5, 0.25, 0.125], rtol=1e-3)
    np.testing.assert_allclose(lit[:, 1], 0, atol=1e-3)
    assert 0 < lit[0, 2] < lit[0, 0]
    none = jnp.stack(shade(_lights(), albedo, normals, jnp.zeros(3), 0.0, (0.0, 0.0, 0.0)))
    np.testing.assert_allclose(none, 0, atol=1e-6)


def test_sky_is_above():
    white, normals = (jnp.ones(2),) * 3, _points((0, -1, 0), (0, 1, 0))
    lights = _lights(sky=jnp.ones(3), ground=jnp.zeros(3))
    up, down = shade(lights, white, normals, jnp.zeros(2), 0.0, (0.0,) * 3)[0]
    assert up > 0.99 and down < 0.01


def test_random_lights_are_as_bright_as_cameras_make_them_and_come_from_all_sides():
    found = [random_lights(Draws(np.random.default_rng(seed))) for seed in range(200)]
    key = np.stack([lights.towards[0] for lights in found])
    np.testing.assert_allclose(np.linalg.norm(key, axis=-1), 1, atol=1e-5)
    assert (np.abs(key[:, 0]) > 0.8).mean() > 0.1 and (np.abs(key[:, 0]) < 0.4).mean() > 0.2
    face = np.array([0.0, 0.0, 1.0])
    bright = [
        (np.maximum(lights.towards @ face, 0) @ lights.colours + 0.5 * (lights.sky + lights.ground)).mean()
        for lights in found
    ]
    assert 0.6 < np.median(bright) < 1.5 and np.percentile(bright, 98) < 3


def test_linear_is_the_screens_curve():
    assert linear(np.float32(1)) == 1 and abs(linear(np.float32(0.5)) - 0.2176) < 1e-3
    assert isinstance(linear(jnp.ones(3)), jax.Array)
