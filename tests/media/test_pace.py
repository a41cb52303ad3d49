"""A waveform that came without its rate: is it as slow as 48 kHz that are taken for 16?"""

import warnings

import librosa
import numpy as np
import pytest

from kdtalker_jax import demo
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.pace import sounds_slow, warn_if_slow, watched


def at(waveform, rate):
    return librosa.resample(waveform, orig_sr=16_000, target_sr=rate)


@pytest.mark.parametrize("recording", demo.RECORDINGS, ids=lambda path: path.stem)
def test_the_voices_of_the_package(recording):
    waveform = load_waveform(recording)
    assert not sounds_slow(waveform)
    assert sounds_slow(at(waveform, 44_100))
    assert sounds_slow(at(waveform, 48_000))


@pytest.mark.parametrize(
    "name", ["WDA_BenCardin1_000", "sad_RD_Radio31_000", "sad_bus_chinese", "sad_chinese_poem2", "sad_imagine"]
)
def test_real_voices(media, name):
    waveform = load_waveform(media / "audio" / f"{name}.wav")
    assert not sounds_slow(waveform)
    assert sounds_slow(at(waveform, 48_000))


def test_what_is_no_voice_is_not_judged():
    noise = np.random.default_rng(0).normal(0, 0.1, 64_000).astype(np.float32)
    for waveform in (noise, noise * 0, noise[:1000], noise[:0]):
        assert not sounds_slow(waveform)


def test_one_line_says_so_for_pieces_too():
    slow = at(load_waveform(demo.RECORDINGS[0]), 48_000)
    with pytest.warns(UserWarning, match="give its rate"):
        warn_if_slow(slow)
    with pytest.warns(UserWarning, match="give its rate") as said:
        pieces = list(watched(slow[i : i + 640] for i in range(0, len(slow), 640)))
    assert len(said) == 1
    np.testing.assert_array_equal(np.concatenate(pieces), slow)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_slow(slow[::3])
