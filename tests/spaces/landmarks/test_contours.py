"""The contour set is DreamHead's, point for point; lines are what pictures and poses rely on."""

import numpy as np
import pytest

from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.landmarks.contours import (
    CONTOUR_SET,
    CONTOURS,
    MOUTH,
    STABLE,
    rows_of,
    stable_weights,
    tessellation,
)


def test_there_are_162_different_landmarks_of_mediapipe():
    assert len(CONTOUR_SET) == len(set(CONTOUR_SET)) == 162
    assert min(CONTOUR_SET) == 0 and max(CONTOUR_SET) == 477
    assert set(range(468, 478)) <= set(CONTOUR_SET)
    assert CONTOUR_SET[:3] == (61, 146, 91) and CONTOUR_SET[20] == 78 and CONTOUR_SET[-1] == 473


def test_lengths_of_the_lines():
    lengths = [len(contour.indices) for contour in CONTOURS]
    assert lengths == [20, 20, 16, 16, 5, 5, 5, 5, 36, 10, 16, 4, 1, 4, 1]
    edges = {contour.name: contour.edges for contour in CONTOURS}
    assert edges["outer lips"][-1] == (185, 61) and len(edges["outer lips"]) == 20
    assert edges["left brow, upper edge"] == ((70, 63), (63, 105), (105, 66), (66, 107))
    assert edges["nose, base"][-1] == (64, 98)
    assert edges["right iris, centre"] == ((473, 473),)


def test_the_tessellation_is_mediapipes():
    """As many edges, each of two landmarks, and none across the eyes and the mouth."""
    edges = tessellation()
    assert len(edges) == len({tuple(sorted(edge)) for edge in edges}) == 1322
    assert set(np.ravel(edges)) == set(range(468))
    lines = {tuple(sorted(edge)) for contour in CONTOURS[:4] for edge in contour.edges}
    assert lines <= {tuple(sorted(edge)) for edge in edges}
    assert not {(13, 14), (78, 308), (145, 159), (374, 386)} & set(edges)


def test_rows_are_those_of_the_landmarks():
    rows = rows_of((61, 13, 33, 473))
    assert [CONTOUR_SET[row] for row in rows] == [61, 13, 33, 473]
    assert list(rows_of((61, 13, 33, 473), 478)) == [61, 13, 33, 473]
    with pytest.raises(KeyError):
        rows_of((3,))  # on the nose, of no line
    with pytest.raises(InputError, match="162 or 478 landmarks, not 68"):
        rows_of((3,), 68)


@pytest.mark.parametrize("points", [162, 478])
def test_a_pose_is_fitted_to_what_does_not_move(points):
    weights = stable_weights(points)
    assert weights.shape == (points,) and weights.sum() == pytest.approx(1)
    assert (weights > 0).sum() == len(STABLE) == 26
    assert not weights[rows_of(MOUTH, points)].any()
    assert not np.delete(weights, rows_of(STABLE, points)).any()
