"""Distances of landmarks, and boxes of mouths, against values by hand."""

import numpy as np
import pytest

from kdtalker_jax.metrics.landmarks import landmark_distance, mouth_boxes

MOVE = np.array([3.0, 4.0])


@pytest.fixture
def face():
    """(68, 2): the eyes' outer corners are 40 apart."""
    points = np.random.default_rng(0).uniform(40, 60, (68, 2))
    points[[36, 45]] = (30, 40), (70, 40)
    points[33], points[4], points[12], points[8] = (50, 60), (25.4, 70), (75, 70.5), (50, 100)
    return points


def test_distances_are_shares_of_the_eyes_distance(face):
    """All points move by (3, 4), lips further."""
    moved = face + MOVE
    moved[48:] += MOVE
    found = landmark_distance(np.stack([moved, face]), np.stack([face, face]))
    assert found.lips == pytest.approx(10 / 40 / 2)
    assert found.everywhere == pytest.approx((48 * 5 + 20 * 10) / 68 / 40 / 2)


def test_the_eyes_are_the_references(face):
    assert landmark_distance(2 * face[None], face[None]).everywhere == pytest.approx(
        np.linalg.norm(face, axis=1).mean() / 40
    )


def test_frames_without_a_face_do_not_count_unless_they_are_many(face):
    absent = np.full_like(face, np.nan)
    both = landmark_distance(np.stack([face + MOVE, absent, face]), np.stack([face, face, absent, face]))
    assert np.isnan(both).all()  # a third is left
    both = landmark_distance(np.stack([face + MOVE, absent]), np.stack([face, face]))
    assert both.lips == pytest.approx(5 / 40)
    assert np.isnan(landmark_distance(np.zeros((0, 68, 2)), face[None])).all()


def test_a_box_holds_the_jaw_and_room_below_it(face):
    """From the base of the nose down to 0.35 of the chin's distance to it below the chin."""
    assert mouth_boxes(face[None], 200, 200).tolist() == [[25, 60, 75, 114]]
    assert mouth_boxes(face[None], 110, 60).tolist() == [[25, 60, 60, 110]]


def test_boxes_of_hidden_faces_are_between_those_around(face):
    absent = np.full_like(face, np.nan)
    left, _, right, _ = mouth_boxes(np.stack([face, absent, face + 2 * MOVE * (1, 0)]), 200, 200)[1]
    assert (left, right) == (28, 78)
    assert mouth_boxes(np.stack([face, absent, absent]), 200, 200) is None
