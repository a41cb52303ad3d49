"""A text, spoken."""

import importlib.util
from collections.abc import Iterable
from typing import Any

import numpy as np

from kdtalker_jax.checks import is_number
from kdtalker_jax.errors import InputError
from kdtalker_jax.speech.command import EXAMPLE, CommandSpeaker
from kdtalker_jax.speech.protocol import FASTEST, SLOWEST, Speaker
from kdtalker_jax.speech.sentences import Sentence, sentences_of

LONGEST_TEXT = 1_000_000  # characters; a day of speech
HOW_TO_INSTALL = 'pip install "kdtalker_jax[speech]"'


def find_speaker(tts: str | None = None) -> Speaker:
    """What speaks.

    Args:
        tts: a command (`command.CommandSpeaker`); by default espeak-ng.

    Raises:
        InputError: the command cannot be one, or there is no voice.
    """
    if tts is not None:
        return CommandSpeaker(tts)
    if importlib.util.find_spec("espeakng_loader") is None:
        raise InputError(
            f"There is no voice here: {HOW_TO_INSTALL} brings espeak-ng (GPL), or name a program of yours as `tts`, "
            f'such as "{EXAMPLE}".'
        )
    from kdtalker_jax.speech.espeak import EspeakSpeaker

    return EspeakSpeaker()


class Speech:
    """A text that is to be spoken, checked.

    Args:
        text: of any length; blank lines part paragraphs.
        speaker: who speaks it; by default `find_speaker()`.
        voice, language: by name, see `Speaker.voices`; by default what the speaker takes.
        speed: 1 as usual, from 0.5 to 2.

    Raises:
        InputError: there is nothing to say, or nobody who can.
    """

    def __init__(
        self,
        text: str,
        speaker: Speaker | None = None,
        *,
        voice: str | None = None,
        language: str | None = None,
        speed: float = 1.0,
    ) -> None:
        if not isinstance(text, str):
            raise InputError(f"The text must be a str, not {type(text).__name__}.")
        if len(text) > LONGEST_TEXT:
            raise InputError(f"The text has {len(text)} characters, more than {LONGEST_TEXT}: speak it in parts.")
        self.sentences: list[Sentence] = sentences_of(text)
        if not self.sentences:
            raise InputError("There is nothing to say: the text has no words.")
        if not is_number(speed, SLOWEST, FASTEST):
            raise InputError(f"`speed` must be a number from {SLOWEST:g} to {FASTEST:g}, not {speed!r}.")
        self._speaker = find_speaker() if speaker is None else speaker
        self._how: tuple[Any, ...] = (voice, language, float(speed))
        self._speaker.check(*self._how)

    def spoken(self, progress: Any = None) -> tuple[np.ndarray, int]:
        """The waveform float32 (samples,), and its samples a second. `progress` wraps the sentences, as a bar does.

        Raises:
            InputError: the speaker fails.
        """
        pieces, rates = [], set()
        sentences: Iterable[Sentence] = self.sentences if progress is None else progress(self.sentences)
        for sentence in sentences:
            waveform, rate = self._speaker.speak(sentence.text, *self._how)
            rates.add(rate)
            pause = round(sentence.pause / self._how[-1] * rate)
            pieces += [np.asarray(waveform, np.float32), np.zeros(pause, np.float32)]
        if len(rates) > 1:
            raise InputError(f"The voice speaks at several rates, {', '.join(map(str, sorted(rates)))}: use another.")
        waveform = np.concatenate(pieces)
        if not len(waveform) or not np.isfinite(waveform).all() or not waveform.any():
            raise InputError("The voice makes no sound of this text: try another voice or language.")
        return waveform, rates.pop()


def speak(text: str, speaker: Speaker | None = None, **how: Any) -> tuple[np.ndarray, int]:
    """A text as sound: the waveform float32 (samples,), and its samples a second. Arguments and errors as `Speech`."""
    return Speech(text, speaker, **how).spoken()
