"""Performances that motion models learn from: who feels, who reads, and that other ones are other work."""

from pathlib import Path

import numpy as np
import pytest

from kdtalker_jax.synthetic import described
from kdtalker_jax.synthetic.readers import Reading
from kdtalker_jax.synthetic.traced import TracedPerformances

FRAMES = 50


def said(rng, seconds):
    """A reader that hums."""
    time = np.arange(int(16_000 * (seconds + 1))) / 16_000
    return Reading(np.sin(900 * time).astype(np.float32), 16_000, [(), (1,), ()], np.array([0, 0.3, 1.5]))


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


def test_a_share_is_read_aloud_where_there_are_readers(performances, monkeypatch):
    invented = [one.waveform for one in acted(performances())]
    monkeypatch.setattr(described, "installed_readers", lambda: {"hum": said})
    read = [one.waveform for one in acted(performances(read=0.5))]
    same = [np.array_equal(one, other) for one, other in zip(invented, read, strict=True)]
    assert same == [True, False] * 3
    monkeypatch.setattr(described, "installed_readers", dict)
    alone = [one.waveform for one in acted(performances(read=0.5))]
    assert all(map(np.array_equal, invented, alone))


def test_others_are_other_work(performances, monkeypatch):
    """So that an interrupted recipe never goes on with clips of another kind."""
    monkeypatch.setattr(described, "installed_readers", lambda: {"hum": said})
    makers = [performances(), performances(feelings=False), performances(read=0.5)]
    monkeypatch.setattr(described, "installed_readers", dict)
    makers.append(performances(read=0.5))
    assert len({maker.fingerprint for maker in makers}) == 4
