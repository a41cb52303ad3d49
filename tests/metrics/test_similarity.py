"""Likeness of frames, against values computed by hand and by scikit-image 0.26."""

import numpy as np
import pytest

from kdtalker_jax.metrics.similarity import compare, keypoint_distance, l1, psnr, ssim

NOISE = np.random.default_rng(0).integers(0, 256, (32, 40, 3), np.uint8)
DIMMED = (NOISE // 2 + 40).astype(np.uint8)


def test_psnr():
    assert psnr(NOISE, DIMMED) == pytest.approx(15.190369922527154)
    assert psnr(np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)) == 0


def test_equal_pictures_do_not_make_an_infinite_number():
    assert psnr(NOISE, NOISE) == 100
    one_off = np.zeros((2048, 2048, 3), np.uint8)
    one_off[0, 0, 0] = 1
    assert psnr(one_off, np.zeros_like(one_off)) == 100


def test_ssim():
    """structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)."""
    assert ssim(NOISE, DIMMED) == pytest.approx(0.7843202608419423, abs=1e-6)
    assert ssim(NOISE, NOISE) == pytest.approx(1, abs=1e-6)
    assert ssim(NOISE, 255 - NOISE) < 0


def test_ssim_of_pictures_smaller_than_its_window():
    assert np.isnan(ssim(NOISE[:10], DIMMED[:10]))


def test_l1():
    assert l1(np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 200, np.uint8)) == 200
    assert l1(NOISE, DIMMED) == l1(DIMMED, NOISE)


def test_a_video_is_the_mean_of_the_frames_in_common():
    result = compare([NOISE, NOISE, NOISE], iter([NOISE, DIMMED]))
    assert result.psnr == pytest.approx((100 + psnr(NOISE, DIMMED)) / 2)
    assert result.ssim == pytest.approx((1 + ssim(NOISE, DIMMED)) / 2)
    assert result.l1 == pytest.approx(l1(NOISE, DIMMED) / 2)


def test_keypoints_are_compared_in_the_picture():
    """Depth does not count, and the longer clip is cut."""
    keypoints = np.random.default_rng(1).standard_normal((5, 21, 3))
    moved = keypoints + np.array([3, 4, 100])
    assert keypoint_distance(keypoints, moved[:4]) == pytest.approx(5)
