"""Landmarks that somebody brings: taken as they are, or refused in a sentence."""

import numpy as np
import pytest

from kdtalker_jax import demo
from kdtalker_jax.errors import InputError
from kdtalker_jax.faces.geometry import enclosing_square
from kdtalker_jax.faces.mesh import in_units
from kdtalker_jax.spaces.landmarks.contours import CONTOUR_SET
from kdtalker_jax.spaces.landmarks.known import in_pixels, known_landmarks

POINTS = np.random.default_rng(0).uniform(100, 400, (478, 3))


def test_of_all_landmarks_the_lines_are_taken():
    np.testing.assert_array_equal(known_landmarks(POINTS, 162), POINTS[list(CONTOUR_SET)])
    np.testing.assert_array_equal(known_landmarks(POINTS, 478), POINTS)
    np.testing.assert_array_equal(known_landmarks(POINTS[:162].astype(np.float32), 162), np.float32(POINTS[:162]))


def test_pixels_and_units_are_each_others_inverse():
    points = POINTS / 200 - 1
    np.testing.assert_allclose(in_units(in_pixels(points, 320), enclosing_square(320, 320)), points, atol=1e-12)


def test_files_are_read(tmp_path):
    np.savez(tmp_path / "face.npz", points=POINTS)
    np.testing.assert_array_equal(known_landmarks(tmp_path / "face.npz", 478), POINTS)


@pytest.mark.parametrize("portrait", demo.PORTRAITS, ids=lambda path: path.stem)
def test_the_packages_portraits_have_theirs(portrait):
    """Eyes above the mouth, the face in the middle of its 512 pixels."""
    points = known_landmarks(demo.landmarks_of(portrait), 162)
    mouth, eyes = points[:40].mean(axis=0), points[40:72].mean(axis=0)
    assert 150 < eyes[1] < mouth[1] - 40 < 400
    assert abs(mouth[0] - 256) < 40 and np.ptp(points[:, 0]) > 150


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (POINTS[:100], r"numbers of the shape \(162 or 478, 3\)"),
        (POINTS[:, :2], r"numbers of the shape"),
        (np.full((162, 3), "x"), "numbers of the shape"),
        (np.full((162, 3), np.nan), "no places in a picture"),
        (np.full((162, 3), 1e30), "no places in a picture"),
        (POINTS / 400, "give x and y in pixels"),
        (POINTS[:162], "are 162, and this model wants 478"),
    ],
)
def test_others_are_refused(given, sentence):
    with pytest.raises(InputError, match=sentence):
        known_landmarks(given, 478)


def test_files_of_something_else_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", keypoints=POINTS)
    with pytest.raises(InputError, match="has no points in it"):
        known_landmarks(tmp_path / "other.npz", 162)
    (tmp_path / "text.npz").write_text("x y z")
    with pytest.raises(InputError, match="cannot be read as landmarks"):
        known_landmarks(tmp_path / "text.npz", 162)
    with pytest.raises(InputError, match="cannot be read as landmarks"):
        known_landmarks(tmp_path / "missing.npz", 162)
