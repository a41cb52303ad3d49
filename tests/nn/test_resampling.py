"""The samplers of feature volumes agree with a plain loop, outside the volume as well."""

import itertools

import jax
import numpy as np

from kdtalker_jax.nn.resampling import identity_grid, move_picture, sample_translated, sample_volume


def trilinear(volume, point):
    """Trilinear interpolation with zeros outside, `align_corners=False`, one point at a time."""
    size = np.array(volume.shape[:3])
    position = ((point[::-1] + 1) * size - 1) / 2  # z, y, x in voxels
    lower = np.floor(position).astype(int)
    total = np.zeros(volume.shape[-1])
    for corner in itertools.product((0, 1), repeat=3):
        index = lower + corner
        if (index >= 0).all() and (index < size).all():
            total += volume[tuple(index)] * np.prod(1 - np.abs(position - index))
    return total


def test_sample_volume_equals_a_loop():
    random = np.random.default_rng(0)
    volume = random.standard_normal((3, 5, 4, 2)).astype(np.float32)
    points = random.uniform(-1.5, 1.5, (200, 3)).astype(np.float32)
    expected = [trilinear(volume, point) for point in points]
    np.testing.assert_allclose(sample_volume(volume, points), expected, atol=2e-6)


def test_points_far_outside_read_zero():
    volume = np.ones((3, 5, 4, 2), np.float32)
    points = np.array([[1e30, 0, 0], [0, -1e30, 0], [0, 0, 3.0]], np.float32)
    np.testing.assert_array_equal(sample_volume(volume, points), 0)


def test_translations_are_separable():
    """The three small matrix products read what sampling at the moved grid reads, partly outside too."""
    random = np.random.default_rng(1)
    volume = random.standard_normal((4, 8, 6, 3)).astype(np.float32)
    shift = random.uniform(-1, 1, (5, 3)).astype(np.float32)
    grid = np.asarray(identity_grid(volume.shape[:3]))
    expected = sample_volume(volume, grid[..., None, :] + shift)  # (D, H, W, 5, 3)
    np.testing.assert_allclose(sample_translated(volume, shift), expected, atol=3e-6 * np.ptp(volume))


def test_the_identity_grid_is_not_the_identity():
    """The published weights were trained with grids that do not match the sampler; that must stay."""
    volume = np.arange(4.0, dtype=np.float32).reshape(1, 1, 4, 1)
    read = np.asarray(sample_translated(volume, np.zeros((1, 3), np.float32))).ravel()
    # At x = -1 the position is -0.5: half of voxel 0 and half outside. The lone row and plane (-1) weigh one half each.
    np.testing.assert_allclose(read, np.array([0, 0.8333333, 2.1666667, 1.5]) / 4, atol=1e-6)


PICTURE = np.random.default_rng(1).random((12, 8, 3)).astype(np.float32)


def test_a_picture_that_does_not_move_is_itself_bit_for_bit():
    np.testing.assert_array_equal(move_picture(PICTURE, np.zeros((3, 2, 2), np.float32)), PICTURE)


def test_a_flow_says_from_where_a_point_comes():
    flow = np.broadcast_to(np.float32([2 * 2 / 8, 2 * 1 / 12]), (3, 2, 2))  # two pixels from the right, one from below
    moved = np.asarray(move_picture(PICTURE, flow))
    np.testing.assert_allclose(moved[:-1, :-2], PICTURE[1:, 2:], atol=1e-6)
    np.testing.assert_allclose(moved[:-1, -1], PICTURE[1:, -1], atol=1e-6, err_msg="the edge runs on")


def test_a_flow_can_be_learnt_and_far_points_do_no_harm():
    flow = np.full((3, 2, 2), 0.05, np.float32)
    gradient = jax.grad(lambda flow: (move_picture(PICTURE, flow) ** 2).sum())(flow)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).min() > 0
    assert np.isfinite(move_picture(PICTURE, np.full((3, 2, 2), 1e9, np.float32))).all()
