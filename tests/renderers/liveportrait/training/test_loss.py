"""The terms of the renderer's loss: known values, and what they must not react to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.renderers.liveportrait.training import loss as terms


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).random((2, 64, 64, 3), np.float32)


def test_equal_pictures_have_no_loss(picture):
    losses = terms.picture_losses(picture, picture, jnp.ones((2, 64, 64, 1)))
    for name, values in losses.items():
        np.testing.assert_allclose(values, 0, atol=1e-5, err_msg=name)


def test_a_constant_difference_costs_its_size_in_pixels_and_nothing_in_edges(picture):
    losses = terms.picture_losses(picture * 0.5 + 0.1, picture * 0.5, jnp.ones((2, 64, 64, 1)))
    np.testing.assert_allclose(losses["pixels"], 0.1, rtol=1e-4)
    np.testing.assert_allclose(losses["edges"], 0, atol=1e-6)


def test_blur_costs_structure(picture):
    blurred = jnp.repeat(jnp.repeat(terms.halved(picture), 2, axis=1), 2, axis=2)
    losses = terms.picture_losses(blurred, picture, jnp.ones((2, 64, 64, 1)))
    assert (losses["structure"] > 0.05).all()


def test_ssim_is_that_of_its_definition(picture):
    """On one box: of means, variances and covariance."""
    a, b = picture[:1, :8, :8], picture[:1, 8:16, :8]
    expected = []
    for channel in range(3):
        x, y = a[..., channel].ravel().astype(float), b[..., channel].ravel().astype(float)
        covariance = ((x - x.mean()) * (y - y.mean())).mean()
        luminance = (2 * x.mean() * y.mean() + terms.C1) / (x.mean() ** 2 + y.mean() ** 2 + terms.C1)
        expected.append(luminance * (2 * covariance + terms.C2) / (x.var() + y.var() + terms.C2))
    np.testing.assert_allclose(terms.ssim(a, b, jnp.ones((1, 8, 8, 1)))[0], np.mean(expected), rtol=1e-4)


def test_errors_where_the_weight_is_count_more(picture):
    weight = np.ones((2, 64, 64, 1), np.float32)
    weight[0, :32] = 9
    changed = picture.copy()
    changed[:, :32] += 0.1
    inside, plain = terms.picture_losses(changed, picture, jnp.asarray(weight))["pixels"]
    np.testing.assert_allclose(plain, 0.05, rtol=1e-4)
    np.testing.assert_allclose(inside, 0.09, rtol=1e-4)


def test_details_count_where_the_landmarks_are_and_nowhere_if_unknown():
    landmarks = np.full((2, 3, 2), np.nan, np.float32)
    landmarks[0] = [[0.4, 0.5], [0.6, 0.5], [-0.9, -0.9]]
    weight = terms.detail_weight(jnp.asarray(landmarks), [(0, 1)], 32, 4.0)
    assert weight.shape == (2, 32, 32, 1)
    assert weight[0, 23, 23, 0] > 4.5  # (x, y) = (0.47, 0.47)
    assert weight[0, 2, 2, 0] == pytest.approx(1)
    np.testing.assert_array_equal(weight[1], 1)


@pytest.mark.parametrize(("distance", "slope"), [(0.01, 1 / 0.3), (0.05, 1 / 0.7), (0.5, 1.0)])
def test_wing_loss_pulls_harder_the_nearer(distance, slope):
    """Its slope is width / (curve + distance) inside, 1 outside (arXiv 1711.06753, equation 5)."""
    found = jnp.zeros((1, 1, 2)).at[0, 0, 0].set(distance)
    gradient = jax.grad(lambda points: terms.wing_loss(points, jnp.zeros((1, 1, 2))).sum())(found)[0, 0, 0]
    np.testing.assert_allclose(gradient, slope * terms.WING_WIDTH * 10 / 2, rtol=1e-4)


def test_openings_are_compared_and_not_where_they_are():
    found = jnp.array([[[0.0, 0.1], [0.0, 0.3], [0.5, 0.0], [0.5, 0.2]]])
    moved = found + jnp.array([[[0.4, -0.2]]])
    pairs = ((0, 1), (2, 3))
    np.testing.assert_allclose(terms.opening_loss(moved, found, pairs), 0, atol=1e-6)
    shut = found.at[0, 3, 1].set(0.0)
    np.testing.assert_allclose(terms.opening_loss(shut, found, pairs), 0.2 / 4, rtol=1e-5)
    unknown = jnp.full((1, 4, 2), jnp.nan)
    value, gradient = jax.value_and_grad(lambda points: terms.opening_loss(points, unknown, pairs).sum())(found)
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)


def test_what_is_not_known_costs_nothing_and_spoils_no_gradient():
    unknown = jnp.full((1, 4, 2), jnp.nan)
    value, gradient = jax.value_and_grad(lambda points: terms.wing_loss(points, unknown).sum())(jnp.ones((1, 4, 2)))
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)
    half = jnp.array([[1.0, jnp.nan]])
    value, gradient = jax.value_and_grad(lambda x: terms.masked_l1(x, half).sum())(jnp.array([[3.0, 3.0]]))
    assert value == 1
    np.testing.assert_array_equal(gradient, [[0.5, 0]])


def test_keypoints_that_are_far_apart_are_left_alone():
    apart = jnp.array([[[0.0, 0, 0], [0.5, 0, 0], [0, 0.5, 0]]])
    np.testing.assert_array_equal(terms.spread_loss(apart, 0.1), 0)
    near = jnp.array([[[0.0, 0, 0], [0.05, 0, 0], [0, 0.5, 0]]])
    np.testing.assert_allclose(terms.spread_loss(near, 0.1), 2 * 0.75 / 3, rtol=1e-4)


def test_depth_counts_as_a_mean():
    keypoints = jnp.zeros((1, 4, 3)).at[0, :, 2].set(jnp.array([1.0, -1, 0.2, 0.2]))
    np.testing.assert_allclose(terms.depth_loss(keypoints), 0.1, rtol=1e-5)
