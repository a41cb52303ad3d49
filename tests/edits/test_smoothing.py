"""The scalar smoother is the exact Kalman smoother."""

from pathlib import Path

import numpy as np
import pytest

from kdtalker_jax.edits.smoothing import KalmanSmoother, kalman_smooth, smooth
from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.keypoints import Motion


def walk(frames, channels=4):
    return np.cumsum(np.random.default_rng(0).normal(size=(frames, channels)), axis=0)


@pytest.mark.parametrize(("name", "strength"), [("published", 1), ("stronger", 100)])
def test_equals_pykalman(name, strength):
    """Recorded with pykalman 0.11 on a random walk of three channels.

    KalmanFilter(eye, eye, 0.05 eye, 0.001 strength eye, initial_state_mean=observations[0],
    initial_state_covariance=eye).smooth(observations)[0]
    """
    recorded = np.load(Path(__file__).parent / "data" / "pykalman.npz")
    result = kalman_smooth(recorded["observations"], strength)
    np.testing.assert_allclose(result, recorded[name], rtol=0, atol=1e-12)


@pytest.mark.parametrize("frames", [1, 2, 3, 40])
@pytest.mark.parametrize("strength", [1, 500])
def test_equals_the_least_squares_solution(frames, strength):
    """The smoothed means minimise the squared errors of start, steps and observations, each over its variance."""
    observations = walk(frames)
    steps = np.diff(np.eye(frames), axis=0)
    first = np.eye(frames)[:1]
    normal_matrix = np.eye(frames) / (0.001 * strength) + steps.T @ steps / 0.05 + first.T @ first
    right_side = observations / (0.001 * strength) + first.T @ observations[:1]
    np.testing.assert_allclose(
        kalman_smooth(observations, strength), np.linalg.solve(normal_matrix, right_side), atol=1e-10
    )


def test_strength_goes_from_nothing_to_smooth():
    observations = walk(200)
    np.testing.assert_array_equal(kalman_smooth(observations, 0), observations)
    roughness = [np.square(np.diff(kalman_smooth(observations, s), n=2, axis=0)).sum() for s in (0, 1, 10, 1000)]
    assert roughness == sorted(roughness, reverse=True)
    assert roughness[-1] < 0.1 * roughness[0]


def test_a_still_head_stays_still_at_any_strength():
    np.testing.assert_allclose(kalman_smooth(np.full((50, 2), 7.25), 1e6), 7.25, rtol=1e-12)


def test_channels_do_not_mix():
    observations = walk(30)
    alone = [kalman_smooth(observations[:, i : i + 1]) for i in range(4)]
    np.testing.assert_array_equal(kalman_smooth(observations), np.concatenate(alone, axis=1))


@pytest.mark.parametrize("frames", [1, 2, 30])
def test_smooths_everything_but_scale(frames):
    motion = Motion.from_vector(walk(frames, 70))
    smoothed = smooth(motion, strength=10)
    np.testing.assert_array_equal(smoothed.scale, motion.scale)
    for name in ("yaw", "pitch", "roll", "t", "exp"):
        values = getattr(motion, name).reshape(frames, -1)
        expected = kalman_smooth(values, 10).reshape(getattr(motion, name).shape)
        np.testing.assert_allclose(getattr(smoothed, name), expected, rtol=1e-6)


def test_does_not_change_its_input():
    motion = Motion.from_vector(walk(30, 70))
    before = motion.to_vector()
    smooth(motion, strength=100)
    np.testing.assert_array_equal(motion.to_vector(), before)


@pytest.mark.parametrize("strength", [-1.0, float("nan"), float("inf")])
def test_impossible_strength_is_refused(strength):
    with pytest.raises(InputError, match="smoothing strength"):
        smooth(Motion.from_vector(walk(3, 70)), strength)


@pytest.mark.parametrize("strength", [0.0, 1.0, 30.0])
@pytest.mark.parametrize("size", [1, 7, 100])
def test_pieces_smoothed_as_they_come_equal_the_whole(strength, size):
    observations = 50 * np.random.default_rng(0).standard_normal((100, 3))
    smoother = KalmanSmoother(strength)
    pieces = [smoother.push(observations[i : i + size]) for i in range(0, 100, size)]
    assert 100 - sum(map(len, pieces)) == smoother.lag
    smoothed = np.concatenate([*pieces, smoother.finish()])
    np.testing.assert_allclose(smoothed, kalman_smooth(observations, strength), atol=1e-6)
