"""Guided keypoints of drawn people move as the landmarks do, and stay the person's own at rest."""

import jax
import numpy as np

from kdtalker_jax.data.landmarks import LANDMARKS
from kdtalker_jax.spaces.geometry import rotation_matrix, transform_keypoints
from kdtalker_jax.synthetic.guiding import guided_expression
from kdtalker_jax.synthetic.landmarks import landmarks
from kdtalker_jax.synthetic.state import Expression, FeelingState, at_rest, neutral_state
from kdtalker_jax.synthetic.varied.people import varied_people

PERSON = jax.tree.map(lambda field: field[0], varied_people(jax.random.key(3), 1))
GUIDED = ("mouth left", "", "right brow inner", "inner lower lip")
FRAMES = 5


def _states() -> FeelingState:
    rng = np.random.default_rng(0)
    zeros = (np.zeros(FRAMES, np.float32) for _ in Expression._fields)
    states = FeelingState(*neutral_state(FRAMES), *zeros)
    changed = {name: rng.uniform(0, 1, FRAMES).astype(np.float32) for name in ("jaw", "corner_left", "inner_brows")}
    return states._replace(**changed, yaw=np.float32([0, 20, -15, 5, 0]), size=np.full(FRAMES, 0.8, np.float32))


def test_guided_keypoints_are_as_far_from_rest_as_the_landmarks_are():
    """In the picture, with the pose and size that were found."""
    states, scale = _states(), np.full(FRAMES, 1.3, np.float32)
    rng = np.random.default_rng(1)
    found, own = rng.normal(0, 0.05, (2, FRAMES, 12)).astype(np.float32)
    exp = guided_expression(found, scale, own, PERSON, states, GUIDED)
    rotation = rotation_matrix(states.pitch, states.yaw, states.roll)
    zeros = np.zeros((FRAMES, 3), np.float32)
    rest = np.tile(own.mean(axis=0), (FRAMES, 1))
    placed, resting = (
        np.asarray(transform_keypoints(np.zeros((FRAMES, 12), np.float32), scale, rotation, rows, zeros))
        for rows in (exp, rest)
    )  # (F, 4, 3)
    true = jax.vmap(landmarks, in_axes=(None, 0))
    moved = np.asarray(true(PERSON, states)) - np.asarray(true(PERSON, at_rest(states)))  # (F, L, 2)
    for keypoint, name in enumerate(GUIDED):
        if name:
            seen = (placed - resting)[:, keypoint, :2]
            np.testing.assert_allclose(seen, moved[:, LANDMARKS.index(name)], atol=1e-5, err_msg=name)
            assert np.abs(seen).max() > 0.01, name
    np.testing.assert_array_equal(exp.reshape(FRAMES, 4, 3)[:, 1], found.reshape(FRAMES, 4, 3)[:, 1])


def test_a_face_at_rest_keeps_what_is_its_own():
    states = at_rest(_states())
    own = np.random.default_rng(1).normal(0, 0.05, (3, 12)).astype(np.float32)
    exp = guided_expression(np.zeros((FRAMES, 12)), np.ones(FRAMES), own, PERSON, states, GUIDED)
    np.testing.assert_allclose(exp[:, :3], np.tile(own.mean(axis=0)[:3], (FRAMES, 1)), atol=1e-6)
