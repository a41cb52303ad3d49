"""Where the cut lies, on faces drawn by numbers."""

import numpy as np
import pytest

from kdtalker_jax.faces.geometry import enclosing_square, face_quad, face_square, legacy_cut


def landmarks_at(x, y, eye_distance, roll=0.0):
    """Landmarks of a face whose eyes are centred on (x, y), its quad 4 eye distances wide, rolled by degrees."""
    points = np.zeros((68, 2))
    points[36:42], points[42:48] = (-0.5, 0), (0.5, 0)
    points[48], points[54] = (-0.4, 1), (0.4, 1)
    angle = np.radians(roll)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return points @ turn * eye_distance + (x, y)


def test_quad_of_an_upright_face_has_the_published_size_and_centre():
    """Side: the larger of 2 x 2 eye distances and 2 x 1.8 eye-to-mouth; centre: a tenth of the way to the mouth."""
    quad = face_quad(landmarks_at(300, 400, 50))
    np.testing.assert_allclose(quad, [(200, 305), (200, 505), (400, 505), (400, 305)], atol=1e-9)


@pytest.mark.parametrize("roll", [-40, -10, 25])
def test_quad_turns_with_the_face(roll):
    angle = np.radians(roll)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    expected = face_quad(landmarks_at(0, 0, 50)) @ turn
    np.testing.assert_allclose(face_quad(landmarks_at(0, 0, 50, roll)), expected, atol=1e-9)


@pytest.mark.parametrize("roll", [0, 15, -30])
def test_square_has_the_extent_of_the_published_cut_inside_the_picture(roll):
    """Both modes must feel the same for an ordinary picture."""
    landmarks = landmarks_at(500.3, 480.7, 60, roll)
    _, crop, face = legacy_cut(landmarks, 1000, 1000)
    published = np.array(face) + (crop.left, crop.top) * 2
    assert np.abs(published - face_square(landmarks)).max() <= 1


def test_published_cut_of_a_narrow_picture_loses_the_chin():
    """The lower edge is bounded by the width: 300 x 1000 pixels and a quad of 480 give 251 rows of 300."""
    _, crop, (left, top, right, bottom) = legacy_cut(landmarks_at(150, 500.6, 120), 1000, 300)
    assert (int(bottom) - int(top), int(right) - int(left)) == (251, 300)
    assert crop.width == 300


def test_published_cut_at_the_border_is_clamped():
    _, _, (left, top, right, bottom) = legacy_cut(landmarks_at(60, 500, 120), 1000, 1000)
    assert (int(bottom) - int(top), int(right) - int(left)) == (480, 300)


def test_square_at_the_border_leaves_the_picture_and_stays_square():
    square = face_square(landmarks_at(60, 500, 120))
    assert (square.left, square.width, square.height) == (-180, 480, 480)


@pytest.mark.parametrize(("eye_distance", "shrink"), [(511, 1), (512, 2), (1024, 4)])
def test_huge_faces_are_cut_from_a_reduced_picture(eye_distance, shrink):
    """From a quad of 2048 pixels on; the face stays where it is in relation to the picture."""
    landmarks = landmarks_at(4000, 4000, eye_distance)
    cut = legacy_cut(landmarks, 8000, 8000)
    assert cut.shrink == shrink
    assert abs((cut.crop.left + cut.face[0]) * shrink - (4000 - 2 * eye_distance)) <= shrink


@pytest.mark.parametrize(
    ("size", "expected"), [((5, 5), (0, 0, 5, 5)), ((3, 7), (0, -2, 7, 5)), ((8, 2), (-3, 0, 5, 8))]
)
def test_enclosing_square_holds_the_whole_picture(size, expected):
    assert enclosing_square(*size) == expected
