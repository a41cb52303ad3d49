"""Programs that read aloud and say when they say what: espeak-ng and flite, where they are installed.

They are for training alone: no part of the package needs them.
"""

import functools
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kdtalker_jax.synthetic import espeak
from kdtalker_jax.synthetic.alphabets import from_arpabet, from_ipa
from kdtalker_jax.synthetic.words import LANGUAGES, random_text

_LONGEST = 60.0  # seconds that a program may take
_WORDS_A_SECOND = 4.5  # at most
_SHORT = 0.06  # seconds: less is no pause but the beginning of the next phone

_ENGLISH = ("en", "en-us", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-us-nyc")
_VOICES = {"en": _ENGLISH, "pt": ("pt", "pt-br"), "es": ("es", "es-419"), "fr": ("fr", "fr-be", "fr-ch")}
_VARIANTS = (
    "",
    *(f"+m{n}" for n in range(1, 9)),
    *(f"+f{n}" for n in range(1, 6)),
    *(f"+klatt{n}" for n in range(1, 5)),
)
_MORE_VARIANTS = ("+Annie", "+Andrea", "+Alicia", "+Michael", "+Denis", "+Gene", "+Hugo", "+Marco", "+Lee", "+croak")
_FLITE_VOICES = ("kal16", "awb", "rms", "slt")


class Reading(NamedTuple):
    """What was said, from beginning to end without gaps."""

    waveform: np.ndarray  # (samples,) float32
    rate: int  # samples a second
    sounds: list[tuple[int, ...]]  # of `phonemes.PHONEMES`, of each phone: two of a diphthong; none in a pause
    starts: np.ndarray  # (phones,) seconds


class ReadingError(Exception):
    """A program could not read a text."""


Reader = Callable[[np.random.Generator, float], Reading]


@functools.cache
def installed_readers() -> dict[str, Reader]:
    """Those that work on this machine, by the program's name."""
    found = {}
    for name, read in (("espeak-ng", read_by_espeak), ("flite", read_by_flite)):
        try:
            read(np.random.default_rng(0), 0.5)
        except ReadingError:
            continue
        found[name] = read
    return found


def read_by_espeak(rng: np.random.Generator, seconds: float) -> Reading:
    """Something at least so long, in some language and some voice.

    Raises:
        ReadingError: espeak-ng is missing, or cannot read that.
    """
    language = "en" if rng.uniform() < 0.3 else LANGUAGES[rng.integers(len(LANGUAGES))]
    voice = str(rng.choice(_VOICES.get(language, (language,)))) + str(rng.choice(_VARIANTS + _MORE_VARIANTS))
    asked = {
        "text": random_text(rng, language, int(_WORDS_A_SECOND * seconds) + 2),
        "voice": voice,
        "speed": int(rng.uniform(110, 230)),
        "pitch": int(rng.uniform(15, 85)),
        "range": int(rng.uniform(20, 90)),
    }
    said = _run([sys.executable, "-I", espeak.__file__], json.dumps(asked).encode())
    head, _, sound = said.partition(b"\n")
    head = json.loads(head)
    waveform = np.frombuffer(sound, np.int16).astype(np.float32) / 32768
    return _reading(waveform, head["rate"], [(from_ipa, phone, ms / 1000) for phone, ms in head["phones"]])


def read_by_flite(rng: np.random.Generator, seconds: float) -> Reading:
    """Something at least so long, in American English.

    Raises:
        ReadingError: flite is missing, or cannot read that.
    """
    program = shutil.which("flite")
    if program is None:
        raise ReadingError("flite is not installed")
    import soundfile

    text = random_text(rng, "en", int(_WORDS_A_SECOND * seconds) + 2)
    with tempfile.TemporaryDirectory() as folder:
        how = ["-voice", str(rng.choice(_FLITE_VOICES)), "--setf", f"duration_stretch={rng.uniform(0.8, 1.35):.3f}"]
        pitch = ["--setf", f"int_f0_target_mean={rng.uniform(85, 220):.1f}"]
        said = _run([program, *how, *pitch, "-psdur", "-t", text, "-o", f"{folder}/said.wav"]).decode()
        waveform, rate = soundfile.read(Path(folder, "said.wav"), dtype="float32")
    ends = [(phone, float(end)) for phone, end in re.findall(r"([a-z#]+):(\d+\.\d+)", said)]
    # Each utterance counts from its own beginning.
    phones, begin, base = [], 0.0, 0.0
    for phone, end in ends:
        if base + end < begin:
            base = begin
        phones.append((from_arpabet, phone, begin))
        begin = base + end
    return _reading(waveform, rate, phones)


def _run(command: list[str], given: bytes = b"") -> bytes:
    """What a program writes."""
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=_LONGEST, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise ReadingError(f"{command[0]} cannot read this: {error}") from error
    return done.stdout


def _reading(waveform: np.ndarray, rate: int, phones: list[tuple]) -> Reading:
    """Phones (alphabet, name, start); marks and pauses too short to be any are part of what is before them."""
    sounds, starts = [()], [0.0]
    end = len(waveform) / rate
    for (alphabet, phone, start), after in zip(phones, [*(start for *_, start in phones[1:]), end], strict=True):
        if phone.startswith("("):  # espeak-ng changes the language
            continue
        try:
            said = alphabet(phone)
        except KeyError as error:
            raise ReadingError(f"nobody knows how to say {phone}") from error
        if said or after - start >= _SHORT:
            sounds.append(said)
            starts.append(start)
    if not any(sounds) or not len(waveform):
        raise ReadingError("nothing was said")
    return Reading(waveform, rate, sounds, np.array(starts))
