"""Drawn heads: what the pictures show is what person, state and landmarks say."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.data.landmarks import LANDMARKS
from kdtalker_jax.synthetic.drawing import draw, draw_frames
from kdtalker_jax.synthetic.landmarks import landmarks, mouth_opening
from kdtalker_jax.synthetic.people import Person, random_people
from kdtalker_jax.synthetic.performance import random_states
from kdtalker_jax.synthetic.state import FaceState, neutral_state

SIZE = 128


@pytest.fixture(scope="module")
def person() -> Person:
    """Somebody whose features can be told by colour: green lips, blue irises; nothing hangs into the face."""
    somebody = jax.tree.map(lambda field: field[0], random_people(jax.random.key(0), 1))
    hair = somebody.hair._replace(cover=jnp.zeros_like(somebody.hair.cover))
    none = jnp.float32(0)
    return somebody._replace(
        hair=hair,
        skin=jnp.array([0.9, 0.75, 0.65]),
        lips=jnp.array([0.1, 0.8, 0.1]),
        iris=jnp.array([0.05, 0.1, 1.0]),
        glasses=none,
        beard=none,
        moustache=none,
    )


def _states(**fields) -> FaceState:
    frames = len(next(iter(fields.values())))
    return neutral_state(frames)._replace(**{name: np.asarray(value, np.float32) for name, value in fields.items()})


def _pixels(points) -> np.ndarray:
    """Picture coordinates -> columns and rows."""
    return (np.asarray(points) + 1) * SIZE / 2 - 0.5


def _landmarks(person: Person, states: FaceState) -> dict[str, np.ndarray]:
    points = jax.vmap(landmarks, in_axes=(None, 0))(person, states)  # (F, L, 2)
    return {name: _pixels(points[:, i]) for i, name in enumerate(LANDMARKS)}


def _is_lip(picture: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(picture.astype(int), -1, 0)
    return (green > red + 40) & (green > blue + 40)


def test_mouth_opens_between_the_inner_lips(person):
    states = _states(jaw=[0.4, 0.7, 1.0, 0.7], yaw=[0, 0, 0, 20], lip_rounding=[0, 0, 0.5, 0], pitch=[0, 0, 0, 8])
    pictures, points = draw_frames(person, states, SIZE), _landmarks(person, states)
    for i, picture in enumerate(pictures):
        upper, lower = points["inner upper lip"][i], points["inner lower lip"][i]
        rows = np.flatnonzero(_is_lip(picture)[:, round(float(upper[0]))])
        before, after = rows[rows < (upper[1] + lower[1]) / 2].max(), rows[rows > (upper[1] + lower[1]) / 2].min()
        assert abs(before + 0.5 - upper[1]) < 1.6
        assert abs(after - 0.5 - lower[1]) < 1.6
        opening = float(mouth_opening(person, jax.tree.map(lambda field, i=i: field[i], states))) * SIZE / 2
        assert abs(after - before - 1 - opening) < 2.5


def test_closed_lips_touch(person):
    states = _states(jaw=[0, 0, 0], lip_width=[0, 1, -1], lip_rounding=[0, 0, 1])
    points = _landmarks(person, states)
    np.testing.assert_allclose(points["inner upper lip"], points["inner lower lip"], atol=1e-4)
    for i, picture in enumerate(draw_frames(person, states, SIZE)):
        column, row = points["inner upper lip"][i]
        lips = np.flatnonzero(_is_lip(picture)[:, round(float(column))])
        assert lips.min() < row < lips.max()
        assert np.diff(lips).max() <= 3  # nothing but the seam between them


def test_lips_spread_and_purse(person):
    states = _states(lip_width=[-1, 0, 1, 0], lip_rounding=[0, 0, 0, 1])
    widths = [np.ptp(np.flatnonzero(_is_lip(picture).any(0))) for picture in draw_frames(person, states, SIZE)]
    assert widths[3] < widths[1] and widths[0] < widths[1] < widths[2]
    points = _landmarks(person, states)
    expected = points["mouth right"][:, 0] - points["mouth left"][:, 0]
    np.testing.assert_allclose(widths, expected, atol=4)


def test_irises_are_where_the_pupils_are_said_to_be(person):
    states = _states(
        yaw=[0, 25, -25, 10], pitch=[0, 10, -15, 0], roll=[0, 0, 10, -20], gaze_x=[0, 1, -1, 0], gaze_y=[0, 0, 0, 0.5]
    )
    points = _landmarks(person, states)
    for i, picture in enumerate(draw_frames(person, states, SIZE).astype(int)):
        blue = picture[..., 2] - picture[..., :2].max(-1) > 25
        rows, columns = np.nonzero(blue)
        for side in ("left pupil", "right pupil"):
            x, y = points[side][i]
            near = np.hypot(columns - x, rows - y) < 6
            assert near.sum() > 4
            assert abs(columns[near].mean() - x) < 1.5
            assert abs(rows[near].mean() - y) < 2  # the upper lid covers a part


def test_each_lid_closes_its_own_eye(person):
    states = _states(lid_left=[0, 0.5, 1, 0], lid_right=[0, 0, 0, 1])
    pictures = draw_frames(person, states, SIZE).astype(int)
    blue = pictures[..., 2] - pictures[..., :2].max(-1) > 25
    left, right = blue[:, :, : SIZE // 2].sum((1, 2)), blue[:, :, SIZE // 2 :].sum((1, 2))
    assert left[0] > left[1] > left[2] == 0 and left[3] == left[0]
    assert right[0] == right[2] > right[3] == 0


def test_head_moves_in_front_of_a_background_that_stands_still(person):
    states = _states(yaw=[0, 30, -30], pitch=[0, 20, -20], jaw=[0, 1, 0], x=[0, 0.1, -0.1])
    pictures = draw_frames(person, states, SIZE).astype(int)
    corner = pictures[:, : SIZE // 6, : SIZE // 6]
    assert np.ptp(corner, axis=0).max() == 0
    assert np.abs(pictures[1] - pictures[0]).mean() > 2


def test_frames_are_drawings_of_each_state_in_any_number(person):
    states = _states(yaw=np.linspace(-20, 20, 9), size=np.linspace(0.8, 1.2, 9))
    pictures = draw_frames(person, states, SIZE)
    assert pictures.shape == (9, SIZE, SIZE, 3) and pictures.dtype == np.uint8
    alone = draw_frames(person, jax.tree.map(lambda field: field[8:], states), SIZE)
    np.testing.assert_array_equal(pictures[8:], alone)


@pytest.mark.slow
def test_people_and_states_can_be_mapped_over():
    """vmap turns the skipping of tiles into choices: the pictures must stay."""
    people, states = random_people(jax.random.key(1), 2), _states(yaw=[20, -20], jaw=[0.5, 0])
    size = 64
    mapped = np.asarray(jax.jit(jax.vmap(draw, in_axes=(0, 0, None)), static_argnums=2)(people, states, size))
    assert mapped.shape == (2, size, size, 3) and mapped.min() >= 0 and mapped.max() <= 1
    for i in range(2):
        one, frame = (jax.tree.map(lambda field, i=i: field[i : i + 1], tree) for tree in (people, states))
        alone = draw_frames(jax.tree.map(lambda field: field[0], one), frame, size)[0]
        np.testing.assert_allclose(mapped[i] * 255, alone, atol=1.5)


@pytest.mark.slow
def test_plain_people_look_as_they_always_did():
    """Models are compared on pictures of them: every fourth pixel of two. Machines may round otherwise."""
    people, states = random_people(jax.random.key(0), 15), random_states(np.random.default_rng(0), 15)
    with np.load(Path(__file__).parent / "plain_pictures.npz") as stored:
        expected = stored["pictures"]
    for number, picture in zip((0, 7), expected, strict=True):
        one, state = (jax.tree.map(lambda field, i=number: field[i], tree) for tree in (people, states))
        drawn = draw_frames(one, jax.tree.map(lambda field: field[None], state), 256)[0, 2::4, 2::4].astype(int)
        assert np.abs(drawn - picture).max() <= 1
