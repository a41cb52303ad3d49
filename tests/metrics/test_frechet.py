"""Frechet distance against SciPy's matrix root, and against what it is by hand."""

import numpy as np
import pytest
import scipy.linalg

from kdtalker_jax.metrics.frechet import Moments, frechet_distance

RANDOM = np.random.default_rng(0)
FIRST = RANDOM.standard_normal((200, 12)) @ RANDOM.standard_normal((12, 12)) + 3
SECOND = RANDOM.standard_normal((150, 12)) @ RANDOM.standard_normal((12, 12))


def by_definition(a, b):
    ours, theirs = np.cov(a.T), np.cov(b.T)
    root = scipy.linalg.sqrtm(ours @ theirs).real
    return np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2) + np.trace(ours + theirs - 2 * root)


def test_the_distance_is_that_of_the_matrix_root():
    found = frechet_distance(Moments.of(FIRST), Moments.of(SECOND))
    assert found == pytest.approx(by_definition(FIRST, SECOND), rel=1e-9)
    assert found == pytest.approx(frechet_distance(Moments.of(SECOND), Moments.of(FIRST)), rel=1e-9)


def test_the_distance_of_known_gaussians():
    """Of independent numbers it is the sum of (mean difference)^2 + (difference of deviations)^2."""
    deviations, others = np.array([1.0, 2.0, 0.5]), np.array([3.0, 2.0, 0.0])
    a = Moments(11, np.array([0.0, 1.0, 2.0]), np.diag(10 * deviations**2))
    b = Moments(101, np.array([4.0, 1.0, 0.0]), np.diag(100 * others**2))
    assert frechet_distance(a, b) == pytest.approx(16 + 4 + 4 + 0.25)


def test_a_set_equals_itself():
    assert frechet_distance(Moments.of(FIRST), Moments.of(FIRST)) == pytest.approx(0, abs=1e-6)


def test_fewer_features_than_numbers_in_each():
    """The covariances have no full rank; the distance is what it is between the few directions there are."""
    few, others = FIRST[:5], SECOND[:7]
    spread, theirs = few - few.mean(axis=0), others - others.mean(axis=0)
    common = np.linalg.svd(spread @ theirs.T, compute_uv=False).sum() / np.sqrt(4 * 6)
    means = np.sum((few.mean(axis=0) - others.mean(axis=0)) ** 2)
    expected = means + np.sum(spread**2) / 4 + np.sum(theirs**2) / 6 - 2 * common
    assert frechet_distance(Moments.of(few), Moments.of(others)) == pytest.approx(expected, rel=1e-6)


def test_sets_are_joined_without_their_features():
    joined, whole = Moments.of(FIRST[:1]) + Moments.of(FIRST[1:70]) + Moments.of(FIRST[70:]), Moments.of(FIRST)
    assert joined.count == 200
    np.testing.assert_allclose(joined.mean, whole.mean)
    np.testing.assert_allclose(joined.covariance, np.cov(FIRST.T))


def test_one_picture_has_no_covariance():
    assert np.isnan(frechet_distance(Moments.of(FIRST[:1]), Moments.of(SECOND)))
