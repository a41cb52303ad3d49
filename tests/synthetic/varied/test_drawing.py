"""Photographs of varied people: they show what person, state and landmarks say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.spaces.landmarks.contours import CONTOUR_SET as POINTS
from kdtalker_jax.synthetic.contours import contours
from kdtalker_jax.synthetic.drawing import draw, draw_frames
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.state import FeelingState
from kdtalker_jax.synthetic.varied.people import varied_people

SIZE = 64
pytestmark = pytest.mark.slow  # the program takes half a minute to compile


def _states(frames: int, **fields) -> FeelingState:
    zeros = {name: np.zeros(frames) for name in FeelingState._fields} | {"size": np.full(frames, 1.3)}
    return FeelingState(**{name: np.asarray(value, np.float32) for name, value in (zeros | fields).items()})


@pytest.fixture(scope="module")
def people() -> Person:
    return varied_people(jax.random.key(0), 6)


def _one(people: Person, number: int) -> Person:
    return jax.tree.map(lambda field: field[number], people)


def test_pictures_are_finite_reproducible_and_as_various_as_photographs(people):
    states = _states(2, yaw=[0, 20], jaw=[0, 0.6])
    pictures = np.stack([draw_frames(_one(people, number), states, SIZE) for number in range(6)])
    assert pictures.shape == (6, 2, SIZE, SIZE, 3) and pictures.dtype == np.uint8
    np.testing.assert_array_equal(pictures[3], draw_frames(_one(people, 3), states, SIZE))
    assert all(picture.std() > 15 for picture in pictures)
    assert pictures.mean(axis=(1, 2, 3, 4)).std() > 10


def test_irises_and_mouths_are_where_the_contours_are(people):
    """Coloured so that they can be told: blue irises and the inside of an open mouth in green."""
    somebody = _one(people, 0)
    details = somebody.details
    camera = details.camera._replace(noise=0.0, quantiser=0.0, saturation=1.0, border=np.zeros(4), blur=0.0)
    white = details.lights._replace(sky=jnp.ones(3), ground=jnp.ones(3), colours=jnp.zeros((3, 3)))
    camera = jax.tree.map(jnp.float32, camera._replace(balance=np.ones(3), lift=np.zeros(3), motion=np.zeros(2)))
    details = details._replace(
        camera=camera, lights=white, mouth_dark=jnp.array([0.0, 0.8, 0.0]), tongue=jnp.array([0.0, 0.8, 0.0]),
        teeth=jnp.array([0.0, 0.8, 0.0]), strange=jnp.float32(0), catchlight=jnp.float32(0),
    )  # fmt: skip
    somebody = somebody._replace(
        details=details, iris=jnp.array([0.05, 0.1, 1.0]), glasses=jnp.float32(0), skin=jnp.array([0.8, 0.6, 0.5]),
        hair=somebody.hair._replace(cover=jnp.zeros_like(somebody.hair.cover)),
        beard=jnp.float32(0), moustache=jnp.float32(0),
    )  # fmt: skip
    states = _states(2, yaw=[0, 18], jaw=[0.8, 0.8], pitch=[0, 6])
    size = 128
    for i, picture in enumerate(draw_frames(somebody, states, size).astype(int)):
        points = np.asarray(contours(somebody, jax.tree.map(lambda field, i=i: field[i], states)))
        points = (points[:, :2] + 1) * size / 2 - 0.5
        green = (picture[..., 1] > picture[..., 0] + 30) & (picture[..., 1] > picture[..., 2] + 30)
        rows, columns = np.nonzero(green)
        upper, lower = points[POINTS.index(13)], points[POINTS.index(14)]
        near = np.hypot(columns - upper[0], rows - (upper[1] + lower[1]) / 2) < 40
        assert near.sum() > 20
        assert abs(rows[near].min() - upper[1]) < 3 and abs(rows[near].max() - lower[1]) < 3
        blue = picture[..., 2] > picture[..., :2].max(-1) + 15
        for number in (468, 473):
            x, y = points[POINTS.index(number)]
            rows, columns = np.nonzero(blue)
            near = np.hypot(columns - x, rows - y) < 8
            assert near.sum() > 3
            assert abs(columns[near].mean() - x) < 2 and abs(rows[near].mean() - y) < 2.5


def test_feelings_show(people):
    smile = {"corner_left": [0, 1], "corner_right": [0, 1]}
    for fields in (smile, {"inner_brows": [0, 1]}, {"widen": [0, 1]}, {"nose_wrinkle": [0, 1]}, {"press": [0, 1]}):
        pictures = draw_frames(_one(people, 1), _states(2, **fields), SIZE).astype(int)
        assert np.abs(pictures[1] - pictures[0]).max() > 12, fields


def test_people_and_states_can_be_mapped_over(people):
    states = _states(6, yaw=np.linspace(-30, 30, 6))
    mapped = np.asarray(jax.jit(jax.vmap(draw, in_axes=(0, 0, None)), static_argnums=2)(people, states, SIZE))
    alone = [
        draw_frames(_one(people, i), jax.tree.map(lambda field, i=i: field[i : i + 1], states), SIZE)[0]
        for i in range(6)
    ]
    assert np.mean(np.abs(mapped * 255 - np.stack(alone)) > 8) < 0.01
