"""Diversity of the head's pose."""

import numpy as np
import pytest

from kdtalker_jax.metrics.pose import pose_distance, pose_diversity, published_pose_diversity


def test_diversity_in_degrees():
    """Population standard deviations 2, 4 and 0."""
    assert pose_diversity(np.array([1.0, 5.0]), np.array([-4.0, 4.0]), np.array([3.0, 3.0])) == pytest.approx(2)


def test_the_published_definition_takes_bins_of_the_first_200_frames():
    bins = np.zeros((300, 66))
    bins[:200:2, 0] = 66.0  # standard deviation 33 in one bin of 66
    bins[200:] = np.random.default_rng(0).standard_normal((100, 66))
    still = np.ones((300, 66))
    assert published_pose_diversity(bins, still, still) == pytest.approx(33 / 66 / 3)


def test_one_frame_has_no_diversity():
    assert np.isnan(pose_diversity(*np.zeros((3, 1))))
    assert np.isnan(published_pose_diversity(*np.zeros((3, 1, 66))))


def test_distance_of_angles_is_a_mean_over_frames():
    assert pose_distance(np.array([1.0, -2.0, 3.0, 99.0]), np.array([0.0, 2.0, 3.0])) == pytest.approx(5 / 3)
