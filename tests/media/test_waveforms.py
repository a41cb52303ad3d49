"""Waveforms in memory: of which rates, and as the sound of a video."""

import numpy as np
import pytest
import soundfile

from kdtalker_jax.errors import InputError, OutputError
from kdtalker_jax.media.waveforms import pieces_of, recording_file, waveform_of

SILENCE = np.zeros(44_100, np.float32)


@pytest.mark.parametrize("rate", [44_100.0, np.float64(44_100), np.int16(22_050), 16_000.0])
def test_rates_may_be_whole_numbers_of_every_type(tmp_path, rate):
    expected = len(SILENCE) * 16_000 / rate
    assert abs(len(waveform_of(SILENCE, rate)) - expected) <= 1
    assert abs(sum(map(len, pieces_of([SILENCE], rate))) - expected) <= 1
    with recording_file(SILENCE, rate, tmp_path / "a.mp4") as path:
        assert soundfile.info(path).samplerate == rate


@pytest.mark.parametrize("rate", ["16000", 44_100.5, float("nan"), float("inf"), [16_000], True])
def test_other_rates_are_refused_in_a_sentence(rate):
    for call in (waveform_of, lambda samples, rate: list(pieces_of([samples], rate))):
        with pytest.raises(InputError, match="`rate` must be a whole number of samples a second, not "):
            call(SILENCE, rate)


def test_a_file_says_its_own_rate(tmp_path):
    soundfile.write(tmp_path / "a.wav", SILENCE, 44_100)
    assert len(waveform_of(tmp_path / "a.wav", None)) == 16_000
    with pytest.raises(InputError, match="says its own, so leave it out"):
        waveform_of(tmp_path / "a.wav", 48_000)


def test_a_disk_that_is_full_is_an_output_error(tmp_path, monkeypatch):
    def full(*arguments, **named):
        raise soundfile.LibsndfileError(2, "Error : ")

    monkeypatch.setattr(soundfile, "write", full)
    with (
        pytest.raises(OutputError, match=r"a\.mp4 cannot be written"),
        recording_file(SILENCE, None, tmp_path / "a.mp4"),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_more_channels_than_can_be_mixed_are_refused(tmp_path):
    many = np.zeros((2000, 1025), np.float32)
    with (
        pytest.raises(InputError, match="has 1025 channels, more than 64"),
        recording_file(many, None, tmp_path / "a.mp4"),
    ):
        pass
