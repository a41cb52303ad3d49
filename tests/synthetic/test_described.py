"""Performances that motion models learn from: who feels, and that other ones are other work."""

from pathlib import Path

import numpy as np
import pytest

from kdtalker_jax.synthetic.traced import TracedPerformances

FRAMES = 50


@pytest.fixture
def performances(small_checkpoint):
    return lambda **how: TracedPerformances(small_checkpoint, 3, FRAMES, "varied", **how)


def acted(maker, count=6):
    return [maker._act(Path(str(number))) for number in range(count)]


def test_who_shows_no_feelings_moves_and_speaks_as_ever(performances):
    felt, unfelt = acted(performances()), acted(performances(feelings=False))
    assert any(one.felt.intensity.max() > 0.2 for one in felt)
    for one, other in zip(felt, unfelt, strict=True):
        assert not other.felt.intensity.any() and not other.felt.emotion.any()
        np.testing.assert_array_equal(other.states.yaw, one.states.yaw)
        np.testing.assert_array_equal(other.waveform, one.waveform)
        assert (other.states.jaw <= one.states.jaw + 1e-6).all(), "feelings open mouths beside speech"


def test_others_are_other_work(performances):
    """So that an interrupted recipe never goes on with clips of another kind."""
    assert performances().fingerprint != performances(feelings=False).fingerprint
