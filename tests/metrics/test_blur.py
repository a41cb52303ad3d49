"""CPBD: what is sharp, what is blurred, what is neither."""

import cv2
import numpy as np
import pytest

from kdtalker_jax.metrics.blur import cpbd, video_cpbd

FLAT = np.full((128, 128, 3), 90, np.uint8)


def bars(width, low=20, high=230, size=(128, 128)):
    """Vertical edges 32 pixels apart, each half a cosine that takes `width` steps, steepest in its middle."""
    position = np.arange(size[1]) % 64
    up, down = (np.clip((position - start) / width, 0, 1) for start in (8, 40))
    ramp = low + (high - low) * (np.cos(np.pi * down) - np.cos(np.pi * up)) / 2
    return np.broadcast_to(np.rint(ramp)[None, :, None], (*size, 3)).astype(np.uint8)


@pytest.mark.parametrize(("width", "value"), [(2, 1), (4, 0), (6, 0)])
def test_edges_of_high_contrast_may_be_three_pixels_wide(width, value):
    assert cpbd(bars(width)) == value


@pytest.mark.parametrize(("width", "value"), [(2, 1), (4, 1), (6, 0), (8, 0)])
def test_edges_of_low_contrast_may_be_five_pixels_wide(width, value):
    assert cpbd(bars(width, 100, 148)) == value


def test_the_more_blur_the_less_sharp(media):
    picture = cv2.cvtColor(cv2.imread(str(media / "portraits" / "WDA_BenCardin1_000.png")), cv2.COLOR_BGR2RGB)
    values = [cpbd(picture)] + [cpbd(cv2.GaussianBlur(picture, (0, 0), sigma)) for sigma in (0.5, 1, 2)]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(0.435, abs=0.01)  # by the Python package cpbd 1.0.7
    assert values[-1] < 0.05


def test_edges_along_the_row_are_not_measured():
    assert np.isnan(cpbd(bars(2).transpose(1, 0, 2)))


def test_incomplete_blocks_are_left_out():
    assert np.isnan(cpbd(bars(2, size=(63, 128))))
    blurred = np.hstack([FLAT, bars(2, size=(128, 40))])
    assert np.isnan(cpbd(blurred))


def test_a_video_is_the_mean_of_the_frames_that_have_edges():
    assert video_cpbd([bars(2), FLAT, bars(6)]) == (0.5, 3, 1)
    value, frames, without = video_cpbd([FLAT])
    assert np.isnan(value)
    assert (frames, without) == (1, 1)
