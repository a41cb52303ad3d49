"""Flicker, and likeness inside boxes, against values by hand and the same of whole pictures."""

import numpy as np
import pytest

from kdtalker_jax.metrics.changes import compare_mouths, flicker
from kdtalker_jax.metrics.similarity import psnr, ssim

RANDOM = np.random.default_rng(0)
REAL = RANDOM.integers(50, 200, (4, 40, 48, 3), np.uint8)
BOX = np.array([8, 10, 40, 30])  # left, top, right, bottom
INSIDE = np.s_[10:30, 8:40]


def steps(*levels):
    return np.stack([np.full((20, 24, 3), level, np.uint8) for level in levels])


def test_flicker_is_a_ratio_of_changes():
    assert flicker(steps(0, 10, 0), steps(0, 2, 5)) == pytest.approx(20 / 5)
    assert flicker(iter(REAL), iter(REAL)) == 1
    assert flicker(steps(7, 7), steps(1, 2)) == 0


def test_there_is_no_flicker_beside_a_still_reference():
    assert np.isnan(flicker(steps(0, 10), steps(3, 3)))
    assert np.isnan(flicker(steps(0), steps(3)))


def test_mouths_are_compared_inside_their_boxes_alone():
    """What lies outside may differ as it likes."""
    made = RANDOM.integers(0, 256, REAL.shape, np.uint8)
    made[(slice(None), *INSIDE)] = REAL[(slice(None), *INSIDE)] // 2 + 60
    found = compare_mouths(iter(made), iter(REAL), np.tile(BOX, (4, 1)))
    pairs = [(made[i][INSIDE].copy(), REAL[i][INSIDE].copy()) for i in range(4)]
    assert found.psnr == pytest.approx(np.mean([psnr(a, b) for a, b in pairs]))
    assert found.ssim == pytest.approx(np.mean([ssim(a, b) for a, b in pairs]))
    assert found.flicker == pytest.approx(0.5, abs=0.01)


def test_changes_are_taken_in_the_later_frames_box():
    made, real = steps(0, 0), steps(0, 4)
    made[1, :, 12:] = 8
    boxes = np.array([[0, 0, 24, 20], [12, 0, 24, 20]])
    assert compare_mouths(made, real, boxes).flicker == pytest.approx(8 / 4)


def test_mouths_out_of_the_picture_do_not_count():
    boxes = np.array([BOX, [48, 10, 48, 30], [8, 10, 40, 20], BOX])
    found = compare_mouths(REAL, REAL, boxes)
    assert (found.psnr, found.flicker) == (100, 1)
    assert np.isnan(compare_mouths(REAL, REAL, boxes[1:3])).all()
