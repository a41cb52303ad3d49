"""Audio encoders are compared by what can be heard in them: a map that is right where the truth is known."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from benchmarks import hearing
from benchmarks.demo.unseen import unseen_performances
from kdtalker_jax.media.rates import SAMPLE_RATE


def test_a_linear_map_is_found_again():
    rng = np.random.default_rng(0)
    inputs = rng.normal(3, [1, 5, 0.1, 0], (400, 4))
    wanted = inputs @ [1.0, -0.5, 2.0, 0.0] + 7
    asked = hearing.linear_map(inputs[:300], wanted[:300])
    np.testing.assert_allclose(asked(inputs[300:]), wanted[300:], atol=0.02)


def test_who_hears_the_jaw_is_told_from_who_hears_nothing(monkeypatch):
    """Features that are the sound's own loudness, against noise."""
    monkeypatch.setattr(hearing, "FITTED", 4)
    invented = unseen_performances(6, 50)
    rng = np.random.default_rng(0)
    real = [performance.waveform for performance in invented[:3]]

    def loud(waveform):
        return hearing.measures.envelope(waveform)[:, None]

    good = hearing.judge(loud, invented, [], real)
    bad = hearing.judge(lambda waveform: rng.normal(size=(len(waveform) // 640, 3)), invented, [], real)
    assert set(good) == set(hearing.HEAD[1:])
    assert float(good["recordings, r to loudness"]) == pytest.approx(1)
    assert float(good["invented speakers, r"]) > 0.5 > abs(float(bad["invented speakers, r"]))
    assert good["read aloud, r"] == "no program"


def test_command_compares_models(small_checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(hearing, "FITTED", 3)
    monkeypatch.setattr(hearing, "ASKED", 1)
    monkeypatch.setattr(hearing, "installed_readers", dict)
    soundfile.write(tmp_path / "talk.wav", unseen_performances(1, 50)[0].waveform, SAMPLE_RATE)
    arguments = ["--checkpoint", str(small_checkpoint), "--checkpoint", "demo", "--recordings", str(tmp_path)]
    result = CliRunner().invoke(hearing.main, [*arguments, "--json", str(tmp_path / "heard.json")])
    assert result.exit_code == 0, result.output
    assert set(json.loads((tmp_path / "heard.json").read_text())["found"]) == {str(small_checkpoint), "demo"}
