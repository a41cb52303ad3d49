"""Rotations as matrices and as angles, and the keypoints that they place."""

import numpy as np
import pytest

from kdtalker_jax.spaces.geometry import rotation_matrix, transform_keypoints
from kdtalker_jax.spaces.heads import Heads, angles_of, heads_of, motion_of, nearest_rotation, placed, rotation_of


@pytest.mark.parametrize("yaw", (0, 50, -89.99999, 90, -90))
def test_angles_give_the_same_rotation_back(yaw):
    rng = np.random.default_rng(1)
    pitch, roll = rng.uniform(-180, 180, (2, 20))
    rotation = rotation_of(pitch, np.full(20, float(yaw)), roll)
    np.testing.assert_allclose(rotation_of(*angles_of(rotation)), rotation, atol=1e-7)


def test_rotations_and_places_are_those_of_the_space():
    rng = np.random.default_rng(2)
    angles = rng.uniform(-60, 60, (3, 5))
    heads = Heads(rng.uniform(1, 2, 5), rotation_of(*angles), rng.normal(size=(5, 7, 3)), rng.normal(size=(5, 3)))
    np.testing.assert_allclose(heads.rotation, rotation_matrix(*angles.astype(np.float32)), atol=1e-6)
    canonical = rng.normal(size=(7, 3)).astype(np.float32)
    motion = motion_of(heads)
    expected = transform_keypoints(
        np.broadcast_to(canonical.reshape(-1), (5, 21)),
        motion.scale,
        heads.rotation.astype(np.float32),
        motion.exp,
        motion.t,
    )
    np.testing.assert_allclose(placed(canonical, heads_of(motion)), expected, atol=1e-5)


def test_the_nearest_rotation_is_one():
    rng = np.random.default_rng(3)
    rotation = rotation_of(*rng.uniform(-90, 90, (3, 30)))
    np.testing.assert_allclose(nearest_rotation(rotation), rotation, atol=1e-12)
    near = nearest_rotation(rng.normal(size=(30, 3, 3)))
    np.testing.assert_allclose(near @ near.mT, np.broadcast_to(np.eye(3), near.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(near), 1)
