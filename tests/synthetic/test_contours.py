"""The 162 dense landmarks: in their order, where painting has its lines, moving with what moves them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.data.landmarks import LANDMARKS
from kdtalker_jax.spaces.landmarks.contours import CONTOUR_SET as POINTS
from kdtalker_jax.spaces.landmarks.contours import CONTOURS
from kdtalker_jax.synthetic.anatomy import PICTURE_UNITS
from kdtalker_jax.synthetic.contours import contours, equal_steps, head_contours
from kdtalker_jax.synthetic.landmarks import head_points, landmarks
from kdtalker_jax.synthetic.people import random_people
from kdtalker_jax.synthetic.state import FaceState, FeelingState, neutral_state
from kdtalker_jax.synthetic.varied.people import varied_people

PEOPLE = {
    "plain": jax.tree.map(lambda field: field[0], random_people(jax.random.key(3), 1)),
    "varied": jax.tree.map(lambda field: field[0], varied_people(jax.random.key(3), 1)),
}
_contours, _head = jax.jit(contours), jax.jit(head_contours)


def _state(**fields: float) -> FaceState:
    state = jax.tree.map(lambda field: jnp.float32(field[0]), neutral_state())
    return state._replace(**{name: jnp.float32(value) for name, value in fields.items()})


def _feeling(**fields: float) -> FeelingState:
    zeros = {name: 0.0 for name in FeelingState._fields} | {"size": 1.0} | fields
    return FeelingState(**{name: jnp.float32(value) for name, value in zeros.items()})


def _at(points, *numbers: int) -> np.ndarray:
    return np.asarray(points)[[POINTS.index(number) for number in numbers]]


def test_the_numbers_are_162_of_mediapipes_478():
    assert len(POINTS) == len(set(POINTS)) == 162
    assert set(POINTS) <= set(range(478))
    assert {61, 291, 13, 14, 33, 133, 263, 362, 10, 152, 168, 2, 468, 473} <= set(POINTS)


@pytest.mark.parametrize("look", PEOPLE)
def test_left_and_right_up_and_down_are_where_their_numbers_say(look):
    points = _contours(PEOPLE[look], _state(jaw=0.3))
    x = dict(zip(POINTS, np.asarray(points)[:, 0], strict=True))
    y = dict(zip(POINTS, np.asarray(points)[:, 1], strict=True))
    assert x[33] < x[133] < x[168] < x[362] < x[263]
    assert x[61] < x[78] < x[0] < x[308] < x[291] or x[61] <= x[78] < x[0] < x[308] <= x[291]
    assert x[46] < x[55] < x[285] < x[276]
    assert y[10] < y[105] < y[159] < y[145] < y[4] < y[2] < y[0] < y[13] < y[14] < y[17] < y[152]
    assert x[234] < x[33] and x[263] < x[454]
    assert y[470] < y[468] < y[472] and x[471] < x[468] < x[469]
    assert y[65] > y[105] and x[48] < x[98] < x[97] < x[326] < x[327] < x[278]


@pytest.mark.parametrize("look", PEOPLE)
@pytest.mark.parametrize("state", [_state(jaw=0.5, lid_left=0.4, gaze_x=0.7, yaw=20, pitch=-8, roll=5, x=0.1)])
def test_they_agree_with_the_landmarks(look, state):
    """Where both name the same place they lie on the same curves."""
    person = PEOPLE[look]
    dense, sparse = _contours(person, state), dict(zip(LANDMARKS, np.asarray(landmarks(person, state)), strict=True))
    pairs = {61: "mouth left", 291: "mouth right", 13: "inner upper lip", 14: "inner lower lip", 17: "outer lower lip"}
    pairs |= {468: "left pupil", 473: "right pupil"}
    for number, name in pairs.items():
        np.testing.assert_allclose(_at(dense, number)[0, :2], sparse[name], atol=8e-3, err_msg=name)
    for (lower, upper), name in {
        (55, 107): "left brow inner", (46, 70): "left brow outer",
        (285, 336): "right brow inner", (276, 300): "right brow outer",
    }.items():  # fmt: skip
        end = _at(dense, lower, upper)[:, :2].mean(axis=0)
        np.testing.assert_allclose(end, sparse[name], atol=0.035, err_msg=f"{name}: shortly before its end")


def test_depth_is_in_picture_units_towards_the_viewer():
    state = _state(size=1.2)
    depth = _contours(PEOPLE["plain"], state)[:, 2]
    nose = _at(depth, 1)[0]
    assert nose == max(_at(depth, 1, 33, 263, 61, 152, 234))
    tip = head_points(PEOPLE["plain"], state)[LANDMARKS.index("nose tip"), 2]
    np.testing.assert_allclose(nose, tip * PICTURE_UNITS * 1.2, rtol=2e-2)


def test_points_of_a_line_are_equally_far_apart():
    steps = np.linalg.norm(np.diff(equal_steps(jnp.array([[0.0, 0], [3, 0], [3, 1]]), 5), axis=0), axis=-1)
    np.testing.assert_allclose(steps, [1, 1, 1, 1], atol=1e-6)
    points = np.asarray(_head(PEOPLE["plain"], _state(jaw=0.6)))[:, :2]
    lower = _at(points, *CONTOURS[0].indices[:11])
    steps = np.linalg.norm(np.diff(lower, axis=0), axis=-1)
    assert steps.max() < 1.15 * steps.min()


@pytest.mark.parametrize(
    ("moved", "numbers"),
    [
        ({"corner_left": 1.0}, (61,)),
        ({"press": 1.0}, (17, 0)),
        ({"inner_brows": 1.0}, (107, 336)),
        ({"outer_brows": 1.0}, (70, 300)),
        ({"widen": 1.0}, (159, 386)),
        ({"squint": 1.0}, (145, 374)),
        ({"nose_wrinkle": 1.0}, (0,)),
        ({"cheeks": 1.0}, (145, 374)),
        ({"jaw": 0.5}, (152, 14, 17)),
        ({"lid_left": 1.0}, (159,)),
    ],
)
def test_every_part_of_an_expression_moves_its_own_points(moved, numbers):
    person = PEOPLE["varied"]
    rest, after = _head(person, _feeling()), _head(person, _feeling(**moved))
    far = np.linalg.norm(np.asarray(after - rest)[:, :2], axis=-1)
    assert _at(far, *numbers).min() > 0.01
    assert far.max() < 0.35 and np.count_nonzero(far > 1e-3) < 120
    still = (468, 473, 168, 10) if "jaw" in moved else (468, 473, 168, 10, 152)
    assert _at(far, *still).max() < 1e-4


def test_a_smile_lifts_the_corners_and_a_frown_lowers_them():
    person = PEOPLE["varied"]
    rest, smile, frown = (
        _at(_head(person, _feeling(corner_left=way, corner_right=way)), 61, 291)[:, 1] for way in (0, 1, -1)
    )
    assert np.all(smile < rest - 0.03) and np.all(frown > rest + 0.03)
