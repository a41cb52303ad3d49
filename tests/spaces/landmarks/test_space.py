"""A face is driven by offsets, in its own pose, by those of each frame, and relative to a beginning."""

import numpy as np
import pytest

from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.keypoints import Motion
from kdtalker_jax.spaces.landmarks.contours import stable_weights
from kdtalker_jax.spaces.landmarks.motion import LandmarkMotion
from kdtalker_jax.spaces.landmarks.pose import placed
from kdtalker_jax.spaces.landmarks.shapes import lip_gap
from kdtalker_jax.spaces.landmarks.space import Landmarks, face_of
from tests.spaces.landmarks.faces import head, poses, speaking

SPACE = Landmarks()
REST = speaking(head(), np.zeros(1))[0]


def face(frames=1, opening=0.3):
    """A face whose mouth is open, in known poses."""
    shapes = speaking(head(), np.full(frames, opening))
    return face_of(placed(shapes, poses(frames)), REST, stable_weights(), identity=REST)


def offsets(frames):
    return speaking(head(), np.linspace(0.1, 1, frames)) - REST


def test_spaces_are_equal_by_their_points():
    assert Landmarks() == Landmarks(162) != Landmarks(478)
    with pytest.raises(InputError, match="162 or 478"):
        Landmarks(68)


def test_vectors_are_the_offsets():
    vectors = np.random.default_rng(0).normal(size=(7, 486)).astype(np.float32)
    motion = SPACE.from_vectors(vectors)
    np.testing.assert_array_equal(motion.offsets[2, 1], vectors[2, 3:6])
    np.testing.assert_array_equal(SPACE.to_vectors(motion), vectors)
    assert Landmarks(478).from_vectors(np.zeros((2, 1434))).offsets.shape == (2, 478, 3)


def test_a_face_is_where_it_was_seen():
    own = face(3)
    driven = SPACE.drive(own, own.motion)
    np.testing.assert_allclose(SPACE.driving(driven), own.motion.points, atol=1e-5)
    np.testing.assert_allclose(own.motion.offsets, speaking(head(), np.full(3, 0.3)) - REST, atol=1e-6)


def test_a_portrait_keeps_its_pose():
    driven = SPACE.drive(face(), LandmarkMotion(offsets(6)))
    np.testing.assert_allclose(driven.points, placed(REST + offsets(6), poses(1)), atol=1e-5)


def test_a_video_has_its_pose_in_each_frame():
    own = face(6)
    driven = SPACE.drive(own, LandmarkMotion(offsets(6)))
    np.testing.assert_allclose(driven.points, placed(REST + offsets(6), poses(6)), atol=1e-5)
    later = SPACE.drive(own.at(slice(4, 6)), LandmarkMotion(offsets(6))[4:6])
    np.testing.assert_array_equal(later.points, driven.points[4:6])
    with pytest.raises(InputError, match="5 frames and the face has 6 poses"):
        SPACE.drive(own, LandmarkMotion(offsets(5)))


def test_relative_motion_begins_with_the_own_face():
    own, motion = face(), LandmarkMotion(offsets(6))
    driven = SPACE.drive(own, motion, relative=True)
    np.testing.assert_allclose(driven.points[0], own.motion.points[0], atol=1e-5)
    later = SPACE.drive(own, motion[3:], relative=True, first=motion)
    np.testing.assert_allclose(later.points, driven.points[3:], atol=1e-6)


def test_the_person_at_rest_is_guessed_from_what_is_seen():
    points = placed(speaking(head(), np.array([0.3])), poses(1))
    direction = (offsets(2)[1] - offsets(2)[0]) / 0.9
    guessed = face_of(points, REST, stable_weights(), direction=direction)
    np.testing.assert_allclose(guessed.identity, REST, atol=1e-6)
    unmoved = face_of(points, REST, stable_weights())
    assert lip_gap(unmoved.identity) == pytest.approx(0.3)
    assert not unmoved.motion.offsets.any()


def test_motions_of_others_are_refused():
    with pytest.raises(InputError, match="moved by 162 landmarks, and the motion has none"):
        SPACE.check(Motion.from_vector(np.zeros((3, 70))))
    with pytest.raises(InputError, match="moves 478 landmarks and the model has 162"):
        SPACE.drive(face(), LandmarkMotion(np.zeros((2, 478, 3))))
