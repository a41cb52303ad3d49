"""Speech by espeak-ng (GPL), a small synthesiser of over a hundred languages, where `espeakng-loader` is installed."""

import ctypes
import threading
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import espeakng_loader
import numpy as np

from kdtalker_jax.checks import nearest
from kdtalker_jax.errors import InputError
from kdtalker_jax.speech.protocol import Voice

WORDS_A_MINUTE = 175  # at speed 1, its own usual one
DEFAULT = "en-us"

# Of espeak-ng's speak_lib.h.
_SYNCHRONOUS, _CHARS_UTF8, _RATE, _FOUND = 2, 1, 1, 0
_MILLISECONDS = 500  # of sound in a buffer
_DONT_EXIT = 0x8000  # but return an error where its data cannot be read
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

_one_at_a_time = threading.Lock()  # the library is one synthesiser for the whole process


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),  # a byte of priority and a string, again and again; a zero at the end
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


class EspeakSpeaker:
    """A `protocol.Speaker`. Voices are the languages' own, such as "en-us"; "en-us+f3" is one of its variants.

    The same sentences in a row sound the same in every process, one alone not to the sample: it goes on where the
    sentence before it ended.
    """

    def voices(self) -> list[Voice]:
        return list(_voices())

    def check(self, voice: str | None, language: str | None, speed: float) -> None:
        self._voice(voice, language)

    def speak(self, text: str, voice: str | None, language: str | None, speed: float) -> tuple[np.ndarray, int]:
        library, rate = _library()
        name, pieces = self._voice(voice, language), []

        def hear(samples: Any, count: int, events: int) -> int:
            if samples and count > 0:
                pieces.append(np.ctypeslib.as_array(samples, (count,)).astype(np.float32) / 2**15)
            return 0

        with _one_at_a_time:
            listener = _CALLBACK(hear)  # kept for as long as it may be called
            library.espeak_SetSynthCallback(listener)
            library.espeak_SetParameter(_RATE, round(WORDS_A_MINUTE * speed), 0)
            spoken = text.encode()
            failed = (
                library.espeak_SetVoiceByName(name.encode()) != _FOUND
                or library.espeak_Synth(spoken, len(spoken) + 1, 0, 1, 0, _CHARS_UTF8, None, None) != 0
                or library.espeak_Synchronize() != 0
            )
        if failed:
            raise InputError(f"espeak-ng cannot speak with the voice {name!r}: try another.")
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32), rate

    def _voice(self, voice: str | None, language: str | None) -> str:
        """What espeak-ng calls it. Raises InputError where there is none."""
        if voice is None:
            return _of_language(language or DEFAULT)
        base, plus, variant = voice.partition("+")
        known = {name.lower(): found.language for found in _voices() for name in (found.name, found.about)}
        language_of_voice = known.get(base.lower())
        if language_of_voice is None:
            raise InputError(f"espeak-ng has no voice {voice!r}{_nearest(base, known)}")
        if language is not None and not _is_of(language_of_voice, language):
            raise InputError(f"The voice {voice!r} speaks {language_of_voice}, not {language}: give one of the two.")
        variants = [file.name for file in (_data() / "voices" / "!v").iterdir()]
        if plus and variant not in variants:
            raise InputError(f"espeak-ng has no variant {variant!r} of a voice{nearest(variant, variants)}")
        return f"{language_of_voice}{plus}{variant}"


def _of_language(language: str) -> str:
    """The voice of a language such as "en", "en-gb", "pt_BR"."""
    wanted = language.lower().replace("_", "-")
    languages = [voice.language for voice in _voices()]
    if wanted in languages:
        return wanted
    family = [name for name in languages if _is_of(name, wanted)]
    if family:
        return DEFAULT if DEFAULT in family else family[0]
    raise InputError(f"espeak-ng does not know the language {language!r}{_nearest(wanted, languages)}")


def _is_of(language: str, family: str) -> bool:
    family = family.lower().replace("_", "-")
    return language == family or language.startswith(f"{family}-")


def _nearest(name: str, names: Iterable[str]) -> str:
    """As `checks.nearest`, which would list over a hundred."""
    told = nearest(name, names)
    return told if "did you mean" in told else ": `voices` lists all."


@cache
def _voices() -> tuple[Voice, ...]:
    library, _ = _library()
    with _one_at_a_time:
        listed, voices = library.espeak_ListVoices(None), []
        for found in _until_null(listed):
            language = ctypes.string_at(found.languages + 1).decode().lower()
            voices.append(Voice(language, language, found.name.decode(errors="replace")))
    return tuple(sorted(dict.fromkeys(voices)))


def _until_null(listed: Any) -> list[_Voice]:
    found: list[_Voice] = []
    while listed[len(found)]:
        found.append(listed[len(found)].contents)
    return found


def _data() -> Path:
    return Path(espeakng_loader.get_data_path())


@cache
def _library() -> tuple[ctypes.CDLL, int]:
    """espeak-ng and its samples a second. Raises InputError where it does not work here."""
    try:
        library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
    except OSError as error:
        raise InputError(f"espeak-ng cannot be loaded ({error}): install espeakng-loader again.") from error
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    library.espeak_Synth.argtypes = (
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
        ctypes.c_void_p, ctypes.c_void_p,
    )  # fmt: skip
    rate = library.espeak_Initialize(_SYNCHRONOUS, _MILLISECONDS, str(_data()).encode(), _DONT_EXIT)
    if rate <= 0:
        raise InputError("espeak-ng does not find its data: install espeakng-loader again.")
    return library, rate
