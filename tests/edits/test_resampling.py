"""Another rate: the same motion at other times, for as long as one likes."""

from fractions import Fraction

import numpy as np
import pytest

from kdtalker_jax.edits.resampling import frames_at, positions_at, resampled
from kdtalker_jax.spaces.heads import Heads, angles_of, rotation_of

NTSC = Fraction(30000, 1001)


def turning(frames: int, rate: Fraction) -> Heads:
    """A head that turns by 40 degrees a second."""
    seconds = np.arange(frames) / float(rate)
    still = np.zeros(frames)
    return Heads(
        1 + seconds, rotation_of(still, 40 * seconds - 40, still), np.zeros((frames, 3, 3)), np.zeros((frames, 3))
    )


@pytest.mark.parametrize("wanted", (Fraction(25), Fraction(50), Fraction(24000, 1001)))
def test_the_same_motion_at_other_times(wanted):
    heads = resampled(turning(60, NTSC), NTSC, wanted)
    expected = turning(heads.frames, wanted)
    inside = np.arange(heads.frames) / wanted <= 59 / NTSC
    np.testing.assert_allclose(heads.scale[inside], expected.scale[inside])
    np.testing.assert_allclose(angles_of(heads.rotation)[1][inside], angles_of(expected.rotation)[1][inside], atol=1e-6)


def test_an_hour_does_not_drift():
    frames = int(3600 * NTSC)
    before, share = positions_at(frames, NTSC, Fraction(25))
    assert len(before) == frames_at(frames, NTSC, Fraction(25)) == 89_999
    exact = 75_000 * NTSC / 25
    assert before[75_000] == exact // 1
    assert share[75_000] == pytest.approx(float(exact % 1))


def test_the_own_rate_changes_nothing_and_a_picture_is_one():
    heads = turning(3, Fraction(25))
    assert resampled(heads, Fraction(25), Fraction(25)) is heads
    assert resampled(turning(1, NTSC), NTSC, Fraction(25)).frames == 1
