"""Openings of eyes and lips, from each set of landmarks."""

import numpy as np
import pytest

from kdtalker_jax.errors import InputError
from kdtalker_jax.faces.mesh_points import as_68
from kdtalker_jax.faces.openings import eye_openings, lip_openings
from kdtalker_jax.spaces.heads import rotation_of
from kdtalker_jax.spaces.landmarks.contours import CONTOUR_SET


def meshes(frames=3):
    return np.random.default_rng(0).normal(size=(frames, 478, 3))


def test_a_mesh_and_what_is_taken_of_it_say_the_same():
    whole = meshes()
    flat = whole[..., :2]
    for openings in (eye_openings, lip_openings):
        from_68 = openings(as_68(whole))
        for points in (flat, flat[:, :468], flat[:, list(CONTOUR_SET)]):
            np.testing.assert_allclose(openings(points), from_68)
    assert eye_openings(flat).shape == (3, 2) and lip_openings(flat).shape == (3,)


def test_the_left_eye_is_left_in_the_picture_and_lips_are_as_wide_as_their_outer_corners():
    points = np.zeros((1, 478, 2))
    points[:, [33, 133, 362, 263, 61, 291], 0] = -3, -1, 1, 3, -2, 2
    points[:, [153, 144], 1] = 1.0
    points[:, 14, 1] = 0.4
    np.testing.assert_allclose(eye_openings(points), [[0.5, 0]], atol=1e-6)
    np.testing.assert_allclose(lip_openings(points), [0.1], atol=1e-6)


def test_in_three_dimensions_a_turned_head_has_the_same_openings():
    points = meshes(1)
    turned = points @ rotation_of(*np.array([20.0, 50.0, 10.0]))
    np.testing.assert_allclose(lip_openings(turned), lip_openings(points), rtol=1e-5)
    np.testing.assert_allclose(eye_openings(turned), eye_openings(points), rtol=1e-5)
    assert np.abs(eye_openings(turned[..., :2]) / eye_openings(points[..., :2]) - 1).max() > 0.05


def test_other_numbers_of_landmarks_are_refused():
    with pytest.raises(InputError, match="from 68, 162, 203, 468 or 478 landmarks, not from 5"):
        lip_openings(np.zeros((1, 5, 2)))
