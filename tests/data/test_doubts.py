"""What is said of a clip, and what is not worth a word."""

import numpy as np
import pytest

from kdtalker_jax.data import doubts


@pytest.mark.parametrize(("a", "b", "same"), [(5, 7, True), (5, 8, False), (373, 380, True), (373, 382, False)])
def test_lengths_may_differ_by_rounding(a, b, same):
    """A couple of frames, or 2 % of many."""
    assert doubts.same_length(a, b) == doubts.same_length(b, a) == same
    assert (doubts.of_lengths(a, b) is None) == same


def test_which_of_the_two_ends_first():
    assert doubts.of_lengths(100, 50).startswith("The sound ends 2.0 s before the pictures")
    assert doubts.of_lengths(50, 100).startswith("The pictures end 2.0 s before the sound")


def test_quiet_sound():
    assert doubts.of_sound(np.array([0.0, -0.02])) is None
    assert "-46 dB" in doubts.of_sound(np.array([0.0, -0.005]))
    assert "nothing to hear" in doubts.of_sound(np.zeros(3))


def test_slow_videos():
    assert doubts.of_rate(23.976) is None
    assert "12.5 frames a second" in doubts.of_rate(12.5)


def test_cuts():
    """Of those that inference makes, the face's box fills two fifths to three quarters."""
    for share in (None, 0.39, 0.73):
        assert doubts.of_cut(share, 256, 256) is None
    assert "fills 20%" in doubts.of_cut(0.2, 256, 256)
    assert "(640x360)" in doubts.of_cut(0.5, 360, 640)
