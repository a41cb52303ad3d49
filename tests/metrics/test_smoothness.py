"""Jitter, and jumps between windows."""

import numpy as np
import pytest

from kdtalker_jax.metrics.smoothness import jitter, window_jump

TIME = np.arange(200) / 25


def moving(x):
    """Three keypoints that move along x (T,)."""
    return np.stack([x, np.zeros_like(x)], axis=-1)[:, None] + np.arange(3)[:, None]


def test_jitter_is_the_third_derivative():
    assert jitter(moving(5 * TIME**3)) == pytest.approx(30)
    assert jitter(moving(5 * TIME**2 + TIME)) == pytest.approx(0, abs=1e-6)


def test_tremor_has_more_of_it_than_a_nod_of_the_same_size():
    assert jitter(moving(np.sin(2 * np.pi * 6 * TIME))) > 100 * jitter(moving(np.sin(2 * np.pi * TIME)))


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_too_short_for_jitter(frames):
    assert np.isnan(jitter(moving(TIME[:frames])))


def test_steady_motion_has_no_boundaries():
    assert window_jump(moving(TIME), 64) == pytest.approx(1)


def test_jumps_at_the_boundaries_are_seen_and_others_are_not():
    """Window i ends with frame 64 i - 1; the jump is the step to frame 64 i."""
    jumping = moving(TIME + 0.08 * (np.arange(200) // 64))
    assert window_jump(jumping, 64) == pytest.approx(3)
    assert window_jump(jumping, 63) < 1


def test_no_boundary_or_no_motion_is_nan():
    assert np.isnan(window_jump(moving(TIME[:64]), 64))
    assert np.isnan(window_jump(moving(0 * TIME), 64))
    assert np.isfinite(window_jump(moving(TIME[:65]), 64))
