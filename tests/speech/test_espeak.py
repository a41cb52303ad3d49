"""Speech by espeak-ng, where it is installed."""

import importlib.util

import numpy as np
import pytest

from kdtalker_jax.errors import InputError
from kdtalker_jax.speech.speaking import Speech, find_speaker, speak

installed = importlib.util.find_spec("espeakng_loader") is not None
needs_espeak = pytest.mark.skipif(not installed, reason="needs espeakng-loader (extra speech)")


@pytest.mark.skipif(installed, reason="espeakng-loader is installed")
def test_no_voice_here():
    with pytest.raises(InputError, match=r'pip install "kdtalker_jax\[speech\]" brings espeak-ng \(GPL\)'):
        Speech("Hello.")


@needs_espeak
def test_it_speaks_and_faster():
    waveform, rate = speak("Good morning. How are you?")
    assert rate == 22050 and waveform.dtype == np.float32
    assert 1 < len(waveform) / rate < 5
    assert 0.05 < np.abs(waveform).max() <= 1
    assert len(speak("Good morning. How are you?", speed=2)[0]) < 0.7 * len(waveform)


@needs_espeak
def test_voices_and_languages_differ():
    lengths = {}
    for how in ({}, {"language": "de"}, {"voice": "en-us+f3"}, {"voice": "English (America)"}, {"language": "pt_BR"}):
        lengths[str(how)] = len(speak("Hallo Welt", **how)[0])
    english, american = lengths.pop("{}"), lengths.pop("{'voice': 'English (America)'}")
    assert abs(english - american) < 100
    assert all(abs(english - length) > 100 for length in lengths.values())


@needs_espeak
def test_all_voices_are_listed():
    voices = find_speaker().voices()
    assert len(voices) > 50
    assert voices == sorted(voices)
    assert {"en-us", "de", "fr-fr"} <= {voice.language for voice in voices}


@needs_espeak
@pytest.mark.parametrize(
    ("how", "said"),
    (
        ({"language": "klingonish"}, "does not know the language 'klingonish'"),
        ({"language": "fr-ff"}, "did you mean 'fr-fr'"),
        ({"voice": "nobody"}, "has no voice 'nobody'"),
        ({"voice": "en-us+f33"}, "no variant 'f33'"),
        ({"voice": "en-us", "language": "de"}, "speaks en-us, not de"),
    ),
)
def test_what_there_is_not(how, said):
    with pytest.raises(InputError, match=said):
        Speech("Hello.", **how)
