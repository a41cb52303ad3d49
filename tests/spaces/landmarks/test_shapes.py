"""Templates and faces at rest are found from faces in any pose."""

import numpy as np
import pytest

from kdtalker_jax.spaces.landmarks.contours import rows_of, stable_weights
from kdtalker_jax.spaces.landmarks.pose import placed
from kdtalker_jax.spaces.landmarks.shapes import (
    LEAST_DEVIATION,
    at_rest,
    closed,
    deviations,
    lip_gap,
    opening_direction,
    template_of,
)
from tests.spaces.landmarks.faces import head, poses, speaking


def normal(shape):
    """Centred on the stable points, the outer eye corners 1 apart."""
    left, right = shape[rows_of((33, 263), len(shape))]
    return (shape - stable_weights(len(shape)) @ shape) / np.linalg.norm(left - right)


def test_the_template_of_one_face_in_many_poses_is_that_face():
    faces = placed(head()[None], poses(20))
    np.testing.assert_allclose(template_of(faces, head()), normal(head()), atol=1e-12)


def test_the_template_of_many_people_is_between_them():
    people = np.stack([normal(head()) + 0.05 * head(seed) for seed in range(100, 160)])
    template = template_of(placed(people, poses(60)), people[0])
    np.testing.assert_allclose(normal(template), template, atol=1e-12)
    assert np.abs(template - normal(head())).mean() < 0.02
    again = template_of(placed(people, poses(60, seed=7)), people[0])  # in other poses
    np.testing.assert_allclose(again, template, atol=0.01)


def test_the_face_at_rest_is_that_of_the_least_open_lips():
    opening = np.linspace(0, 1, 40)
    shapes = speaking(head(), np.random.default_rng(0).permutation(opening))
    np.testing.assert_allclose(at_rest(shapes), speaking(head(), opening[:4]).mean(axis=0), atol=1e-12)
    np.testing.assert_array_equal(at_rest(shapes[:1]), shapes[0])


def test_an_open_mouth_is_closed_along_the_training_sets_own_direction():
    opening = np.random.default_rng(0).uniform(0, 0.5, 50)
    shapes = speaking(head(), opening)
    direction = opening_direction(shapes - speaking(head(), np.zeros(1)))
    assert np.linalg.norm(direction) == pytest.approx(1) and lip_gap(direction) > 0
    wide = speaking(head(3), np.array([0.4]))
    np.testing.assert_allclose(closed(wide, direction), speaking(head(3), np.zeros(1)), atol=1e-12)
    with pytest.raises(ValueError, match="does not part the lips"):
        closed(wide, np.ones_like(direction))


def test_still_points_have_the_least_deviation():
    shapes = speaking(head(), np.random.default_rng(0).uniform(0, 0.5, 50))
    sigma = deviations(shapes)
    eye, lip = rows_of((33, 14))
    assert (sigma[eye] == LEAST_DEVIATION).all()
    assert sigma[lip, 1] == pytest.approx(shapes[:, lip, 1].std())
