"""Landmarks of drawn heads: poses turn as the keypoints of the renderer do, and depth shows."""

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.data.landmarks import LANDMARKS
from kdtalker_jax.spaces.geometry import rotation_matrix
from kdtalker_jax.synthetic.anatomy import PICTURE_UNITS, head_parts
from kdtalker_jax.synthetic.landmarks import head_points, landmarks
from kdtalker_jax.synthetic.people import random_people
from kdtalker_jax.synthetic.state import Expression, FaceState, FeelingState, neutral_state

PERSON = jax.tree.map(lambda field: field[0], random_people(jax.random.key(3), 1))
NOSE, CHIN = LANDMARKS.index("nose tip"), LANDMARKS.index("chin")
BROWS = ("left brow inner", "left brow outer", "right brow inner", "right brow outer")
PUPILS = [LANDMARKS.index("left pupil"), LANDMARKS.index("right pupil")]


def _state(**fields: float) -> FaceState:
    state = jax.tree.map(lambda field: jnp.float32(field[0]), neutral_state())
    return state._replace(**{name: jnp.float32(value) for name, value in fields.items()})


def test_landmarks_turn_as_keypoints_do():
    """Row vectors times rotation_matrix, then size and position: the renderer's own convention."""
    state = _state(yaw=25, pitch=-12, roll=8, x=0.1, y=-0.05, size=0.9, jaw=0.4, lid_left=0.5, gaze_x=1)
    points = head_points(PERSON, state)  # (L, 3)
    turned = points @ rotation_matrix(state.pitch, state.yaw, state.roll)
    expected = turned[:, :2] * PICTURE_UNITS * 0.9 + jnp.array([[0.1, -0.05]])
    np.testing.assert_allclose(landmarks(PERSON, state), expected, atol=1e-5)


def test_positive_angles_look_right_up_and_lean_clockwise():
    """z points to the viewer: the signs that the directions of the pose have in the picture."""
    rest = np.asarray(landmarks(PERSON, _state()))
    assert landmarks(PERSON, _state(yaw=20))[NOSE, 0] > rest[NOSE, 0] + 0.05
    assert landmarks(PERSON, _state(pitch=20))[NOSE, 1] < rest[NOSE, 1] - 0.05
    assert landmarks(PERSON, _state(roll=20))[CHIN, 0] < rest[CHIN, 0] - 0.05


def test_parallax_nose_leads_eyes_and_ears_go_the_other_way():
    state = _state(yaw=25)
    moved = np.asarray(landmarks(PERSON, state) - landmarks(PERSON, _state()))[:, 0]
    assert moved[NOSE] > 1.2 * moved[PUPILS].mean() > 0
    ears = head_parts(PERSON, state).centre[-2:]  # (2, 3)
    ears_moved = (ears @ rotation_matrix(state.pitch, state.yaw, state.roll) - ears)[:, 0].mean()
    assert ears_moved < 0


def test_every_quantity_of_the_face_moves_its_own_landmarks():
    rest = np.asarray(landmarks(PERSON, _state()))

    def moved(**fields: float) -> set[str]:
        distance = np.linalg.norm(np.asarray(landmarks(PERSON, _state(**fields))) - rest, axis=-1)
        return {name for name, far in zip(LANDMARKS, distance, strict=True) if far > 1e-3}

    assert moved(lid_left=1) == {"left upper lid", "left lower lid"}
    assert moved(gaze_x=1) == {"left pupil", "right pupil"}
    assert {"inner lower lip", "outer lower lip", "chin"} <= moved(jaw=0.5)
    assert {"mouth left", "mouth right"} <= moved(lip_width=1)
    assert moved(x=0.1) == set(LANDMARKS)
    assert moved(brows=1) == set(BROWS)


def test_brows_move_by_their_ends():
    rest = FeelingState(*_state(), *(jnp.float32(0) for _ in Expression._fields))

    def raised(**fields: float) -> np.ndarray:
        """(4,), of BROWS."""
        moved = landmarks(PERSON, rest) - landmarks(PERSON, rest._replace(**fields))
        return np.asarray(moved)[[LANDMARKS.index(name) for name in BROWS], 1]

    inner, outer = raised(inner_brows=jnp.float32(1)), raised(outer_brows=jnp.float32(-1))
    assert (inner[::2] > 3 * inner[1::2]).all() and (inner[1::2] > 0).all()
    assert (outer[1::2] < 3 * outer[::2]).all() and (outer[::2] < 0).all()


def test_depth_of_the_landmarks_is_that_of_a_face():
    depth = dict(zip(LANDMARKS, np.asarray(head_points(PERSON, _state()))[:, 2], strict=True))
    assert depth["nose tip"] == max(depth.values())
    assert depth["left pupil"] > 0.5 and depth["chin"] > 0.3
