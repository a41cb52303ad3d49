"""Known poses are found, in numpy and JAX, whatever the mouth does; shapes come back exactly."""

import jax
import numpy as np
import pytest

from kdtalker_jax.spaces.landmarks.contours import stable_weights
from kdtalker_jax.spaces.landmarks.pose import Pose, canonical, fit_pose, placed
from tests.spaces.landmarks.faces import head, poses, speaking

EXACT = {np.float64: 1e-12, np.float32: 1e-5}


def angles_between(a, b):
    """Degrees by which rotations (..., 3, 3) differ."""
    return 2 * np.degrees(np.arcsin(np.linalg.norm(a - b, axis=(-2, -1)) / np.sqrt(8)))


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize("points", [162, 478])
def test_known_poses_are_found(dtype, points):
    shape, pose = head(points=points), poses(40)
    faces = placed(shape[None], pose).astype(dtype)
    found = fit_pose(shape, faces, stable_weights(points))
    for name, got, wanted in zip(Pose._fields, found, pose, strict=True):
        assert got.dtype == dtype, name
        np.testing.assert_allclose(got, wanted, atol=4 * EXACT[dtype], err_msg=name)


@pytest.mark.parametrize("dtype", EXACT)
def test_faces_come_back_from_their_shapes(dtype):
    faces = placed(np.stack([head(seed) for seed in range(40)]), poses(40)).astype(dtype)
    pose = fit_pose(head(50).astype(dtype), faces, stable_weights())  # of another face: a fit, not an identity
    np.testing.assert_allclose(placed(canonical(faces, pose), pose), faces, atol=EXACT[dtype])


def test_jax_finds_the_same():
    shape, pose = head(), poses(12)
    faces = placed(shape[None], pose).astype(np.float32)
    both = jax.jit(lambda faces: (found := fit_pose(shape, faces, stable_weights()), canonical(faces, found)))
    found, shapes = both(jax.numpy.asarray(faces))
    assert angles_between(np.asarray(found.rotation), pose.rotation).max() < 1e-3
    np.testing.assert_allclose(shapes, np.repeat(shape[None], 12, axis=0), atol=1e-5)
    np.testing.assert_allclose(placed(shapes, found), faces, atol=1e-5)


def test_leading_dimensions_are_free():
    shape, pose = head(), poses(6)
    faces = placed(shape[None], pose)
    at_once = fit_pose(shape, faces.reshape(2, 3, -1, 3), stable_weights())
    assert [part.shape for part in at_once] == [(2, 3), (2, 3, 3, 3), (2, 3, 3)]
    one = fit_pose(shape, faces[4], stable_weights())
    np.testing.assert_allclose(at_once.rotation[1, 1], one.rotation, atol=1e-12)
    np.testing.assert_allclose(canonical(faces[4], one), shape, atol=1e-12)


def test_a_moving_mouth_does_not_turn_the_head():
    pose = poses(30)
    shapes = speaking(head(), np.random.default_rng(2).uniform(0, 2, 30))
    found = fit_pose(head(), placed(shapes, pose), stable_weights())
    assert angles_between(found.rotation, pose.rotation).max() < 1e-10
    np.testing.assert_allclose(found.scale, pose.scale, atol=1e-12)
    everything = fit_pose(head(), placed(shapes, pose), np.full(162, 1 / 162))
    assert angles_between(everything.rotation, pose.rotation).max() > 1  # the mouth does move


@pytest.mark.parametrize("of", ["mirrored", "flat"])
def test_rotations_are_proper(of):
    faces = placed(head()[None], poses(20)) * ((-1, 1, 1) if of == "mirrored" else (1, 1, 0))
    rotation = fit_pose(head(), faces, stable_weights()).rotation
    np.testing.assert_allclose(np.linalg.det(rotation), 1, atol=1e-12)
    np.testing.assert_allclose(rotation @ rotation.mT, np.broadcast_to(np.eye(3), rotation.shape), atol=1e-12)


def test_the_fit_is_the_best_one():
    """Of a face that is no similarity of the template, no pose nearby is closer."""
    weights = stable_weights()
    template, face = head(), head(9)

    def miss(pose):
        return (weights * np.square(placed(template, pose) - face).sum(axis=-1)).sum()

    best = fit_pose(template, face, weights)
    nudge = poses(1).rotation[0]
    for other in (
        best._replace(scale=best.scale * 1.01),
        best._replace(scale=best.scale * 0.99),
        best._replace(t=best.t + np.array([0.01, 0, 0])),
        best._replace(rotation=best.rotation @ nudge),
    ):
        assert miss(other) > miss(best)
