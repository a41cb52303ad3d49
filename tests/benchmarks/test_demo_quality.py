"""What judges the demo model is right itself, on drawings and signals whose truth is known."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.demo import measures
from benchmarks.demo.probe import FaceProbe, true_reading
from benchmarks.demo.unseen import take, unseen_people, unseen_performances
from benchmarks.demo_quality import main
from kdtalker_jax.synthetic.drawing import draw_frames


def test_probe_reads_mouths_and_blinks_of_true_drawings():
    person, performance = unseen_people(1)[0], unseen_performances(1, 100)[0]
    states = take(performance.states, np.arange(0, 100, 2))
    read = FaceProbe(person, states=200)(draw_frames(person, states, 96))
    truth = true_reading(person, states)
    assert measures.correlation(read.opening, truth.opening) > 0.95
    assert measures.correlation(read.lid_left, truth.lid_left) > 0.9
    assert np.median(np.abs(read.opening - truth.opening)) < 0.05 * np.ptp(truth.opening)


@pytest.mark.parametrize("late", [-3, 0, 2])
def test_following_finds_the_offset(late):
    """A signal that is late by some frames correlates best at just that offset, over all clips together."""
    wanted = [np.convolve(noise, np.ones(5) / 5) for noise in np.random.default_rng(0).normal(size=(3, 120))]
    found = measures.following([np.roll(values, late) for values in wanted], wanted)
    assert found.offset == late
    assert (found.pooled > 0.999) == (late == 0)


def test_following_reports_the_worst_clip():
    good, bad = np.random.default_rng(1).normal(size=(2, 200))
    found = measures.following([good, bad], [good, good])
    assert abs(found.lowest) < 0.3 < found.pooled < 0.9


def test_border_jumps_are_in_units_of_the_median_step():
    """Steps of one everywhere, but of three where windows of eight meet."""
    steps = np.ones(31)
    steps[7::8] = 3
    values = np.cumsum(np.concatenate([[0], steps]))[:, None] * np.array([0.6, 0.8])
    np.testing.assert_allclose(measures.border_jumps(values, 8), [3, 3, 3])


def test_blinks_are_counted_once_each():
    """Not for trembling about a half-closed lid, and not for lids that only sink."""
    one = [0.1, 0.5, 1.0, 0.9, 1.0, 0.5, 0.1]
    assert measures.count_blinks(np.array(one + [0.45, 0.55] * 5 + one)) == 2
    assert measures.count_blinks(np.full(20, 0.5)) == 0


def test_envelope_and_pauses_follow_the_sound():
    """Three seconds of noise, of which the middle one is a hundred times quieter: a pause, without its edges."""
    gain = np.repeat([0.1, 0.001, 0.1], 16_000)
    waveform = (gain * np.random.default_rng(2).normal(size=len(gain))).astype(np.float32)
    loud = measures.envelope(waveform)
    quiet = np.flatnonzero(measures.pauses(loud))
    assert len(loud) == 75
    assert loud[:20].mean() - loud[30:45].mean() > 30
    assert 26 <= quiet.min() <= 30 and 45 <= quiet.max() <= 49


@pytest.mark.slow
def test_command_measures_every_quantity(small_checkpoint, tmp_path):
    """With a model that was never trained: all rows are there, and it is not praised for what it cannot know."""
    file = tmp_path / "quality.json"
    arguments = ["--checkpoint", str(small_checkpoint), "--quick", "--json", str(file), "--pictures", str(tmp_path)]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    rows = {row["quantity"]: row for row in json.loads(file.read_text())["rows"]}
    assert len(rows) == 13
    assert rows["self-reenactment"]["reached"] is False and rows["cross-reenactment"]["reached"] is False
    assert rows["same seed"]["reached"] is True
    assert rows["real recordings"]["measured"] == "no recordings given"
    assert {path.stem for path in tmp_path.glob("*.png")} == {"self", "expressive", "cross", "speech", "silence"}
