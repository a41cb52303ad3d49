"""The audio encoder learns to hear mouths of speakers that it has not heard, and its run can be stopped at any step."""

import signal
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

from configs.audio import SMALL_AUDIO
from kdtalker_jax.checkpoints import RunRecord, load_networks, read_record
from kdtalker_jax.errors import InputError
from kdtalker_jax.features.mel import BANDS
from kdtalker_jax.recipes import audio
from kdtalker_jax.recipes.audio import AudioBatches, AudioTask, Readers, alter, speak, train_audio_encoder
from kdtalker_jax.synthetic.readers import Reading
from tests.training.metrics import read_metrics

# Of four speakers and sixty steps it is chance how much is learnt.
STEPS, SPEAKERS = 180, 24
CONFIG = replace(
    SMALL_AUDIO, steps=STEPS, performances=SPEAKERS, validation=replace(SMALL_AUDIO.validation, performances=4)
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("audio") / "run"
    assert train_audio_encoder(CONFIG, run) == (STEPS, True)
    return run


def test_it_hears_jaws_of_speakers_it_was_not_trained_on(finished):
    metrics = read_metrics(finished)
    assert metrics[STEPS]["validation/jaw"] > 0.5
    assert metrics[STEPS]["validation/loss"] < 0.5 * metrics[10]["train/loss"]


def test_the_run_gives_the_encoder_alone(finished):
    networks, _ = load_networks(finished)
    assert set(networks) == {"audio_encoder"}
    assert set(networks["audio_encoder"]) == {"params", "batch_stats"}
    assert read_record(finished, "audio_encoder") == RunRecord(
        "audio_encoder", CONFIG, SPEAKERS, found={"readers": Readers(())}
    )


@pytest.mark.slow
def test_interrupted_and_resumed_is_the_same_as_uninterrupted(finished, tmp_path):
    def interrupt(sentence: str) -> None:
        if sentence.startswith("Step 30:"):
            signal.raise_signal(signal.SIGTERM)

    outcome = train_audio_encoder(CONFIG, tmp_path / "run", report=interrupt)
    assert 30 < outcome.step < STEPS
    assert not outcome.finished
    assert train_audio_encoder(CONFIG, tmp_path / "run") == (STEPS, True)
    jax.tree.map(np.testing.assert_array_equal, load_networks(tmp_path / "run"), load_networks(finished))


def test_another_run_is_not_gone_on_with(finished):
    with pytest.raises(InputError, match=rf"is another run .steps is {STEPS + 1}, not {STEPS}"):
        train_audio_encoder(replace(CONFIG, steps=STEPS + 1), finished)


@pytest.mark.parametrize("name", ["steps", "performances", "log_every"])
def test_numbers_below_one_are_refused(tmp_path, name):
    with pytest.raises(InputError, match=f"{name} must be at least 1"):
        train_audio_encoder(replace(SMALL_AUDIO, **{name: 0}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_processes_share_a_batch():
    spoken = [speak(SMALL_AUDIO, number) for number in range(2)]
    whole = next(AudioBatches(spoken, SMALL_AUDIO))
    shares = [next(AudioBatches(spoken, SMALL_AUDIO, process=i, processes=2)) for i in range(2)]
    for i, share in enumerate(shares):
        assert share.sources == whole.sources[i::2]
        np.testing.assert_array_equal(share.heard.mel, whole.heard.mel[i::2])
        np.testing.assert_array_equal(share.heard.mouth, whole.heard.mouth[i::2])


def test_an_unchanged_microphone_changes_nothing():
    config = replace(SMALL_AUDIO, gain=0.0, tilt=0.0, noise=0.0)
    mel = np.random.default_rng(0).uniform(-4, 4, (3, BANDS, 16)).astype(np.float32)
    np.testing.assert_allclose(alter(config, mel, np.random.default_rng(1)), mel, atol=4e-3)  # a floor at -120 decibels


def test_gain_is_in_decibels():
    """Windows that are 6 decibels louder, of 100 decibels that reach from -4 to 4."""
    config = replace(SMALL_AUDIO, gain=6.0, tilt=0.0, noise=0.0)
    mel = np.zeros((2000, BANDS, 1), np.float32)
    changed = alter(config, mel, np.random.default_rng(0))
    np.testing.assert_allclose(changed.std(), 6 * audio.DECIBEL, rtol=0.05)
    np.testing.assert_allclose(np.ptp(changed, axis=(1, 2)), 0, atol=1e-6)


def hum(rng: np.random.Generator, seconds: float) -> Reading:
    """A program that reads everything alike."""
    waveform = np.sin(np.arange(16_000 * 4) / 20).astype(np.float32)
    return Reading(waveform, 16_000, [(), (1,), ()], np.array([0, 0.3, 3.0]))


def test_programs_read_a_part_of_the_performances_and_leave_the_others_as_they_are():
    asked = []

    def read(rng: np.random.Generator, seconds: float) -> Reading:
        asked.append(seconds)
        return hum(rng, seconds)

    config = replace(SMALL_AUDIO, read=0.4)
    spoken = [speak(config, number, {"hum": read}) for number in range(5)]
    assert len(asked) == 2
    for number, performance in enumerate(spoken):
        invented = speak(SMALL_AUDIO, number)
        assert np.array_equal(performance.mel, invented.mel) != audio.is_read(config, number)


def test_where_no_program_is_installed_one_sentence_says_so(monkeypatch):
    said = []
    monkeypatch.setattr(audio, "installed_readers", dict)
    assert audio.find_readers(replace(SMALL_AUDIO, read=0.4), said.append) == {}
    assert len(said) == 1 and "espeak-ng" in said[0]
    assert audio.find_readers(SMALL_AUDIO, said.append) == {} and len(said) == 1


def test_a_run_goes_on_with_the_programs_that_it_began_with(tmp_path, monkeypatch):
    """With others its speakers would be other people."""
    config = replace(SMALL_AUDIO, read=1.0, performances=1, validation=replace(SMALL_AUDIO.validation, performances=0))

    def begin(*programs):
        monkeypatch.setattr(audio, "installed_readers", lambda: dict.fromkeys(programs, hum))
        AudioTask(config, tmp_path / "run", lambda sentence: None, False)

    for _ in range(2):
        begin("flite")
    for programs, said in (((), "no program"), (("espeak-ng", "flite"), "espeak-ng and flite")):
        with pytest.raises(InputError, match=f"speakers that flite reads for, and here {said} is installed"):
            begin(*programs)


def test_runs_that_began_before_readers_were_noted_go_on(tmp_path):
    audio.check_readers(Readers(), {"flite": hum}, tmp_path)
