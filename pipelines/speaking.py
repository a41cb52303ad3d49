"""What `--text` and the options beside it ask for, and the sound that comes of it."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdtalker_jax.errors import InputError, OutputError

if TYPE_CHECKING:
    import numpy as np

    from kdtalker_jax.speech.speaking import Speech

# By the name of the option, what it is where nobody has asked for anything.
DEFAULTS: dict[str, Any] = {"tts": None, "voice": None, "language": None, "speed": 1.0, "speech_out": None}
FORMATS = {".wav": "WAV", ".flac": "FLAC"}


@dataclass(frozen=True)
class Spoken:
    """A text as it is to be spoken, checked before any work; `out`: where its sound is saved."""

    speech: "Speech"
    out: str | None

    def sound(self) -> tuple["np.ndarray", int]:
        """The waveform, and its samples a second. Raises InputError where the voice fails."""
        from kdtalker_jax.streams import progress_bar

        return self.speech.spoken(partial(progress_bar, desc="Speech", unit="sentence", show=True))

    def save(self, waveform: "np.ndarray", rate: int) -> None:
        """Where that was asked for. Raises OutputError where it cannot be written."""
        if self.out:
            _write(Path(self.out), waveform, rate)


def asked_speech(
    text: str | None,
    text_file: str | None,
    *,
    driven_audio: str | None,
    inputs: list[str],
    outputs: list[str],
    **options: Any,
) -> Spoken | None:
    """What the options ask for; None without a text. `options`: those of `DEFAULTS`, and `voices`.
    `inputs`, which the text's file is among, and `outputs`: what saved speech must not replace.

    Raises:
        InputError, OutputError: a value that cannot be, or options that do not go together.
    """
    if text is None and text_file is None:
        changed = [name for name, value in DEFAULTS.items() if options[name] != value]
        if changed:
            raise InputError(f"--{changed[0]} is about a text: give one with --text or --text_file.")
        return None
    if text is not None and text_file is not None:
        raise InputError("--text and --text_file both give the text: choose one.")
    if driven_audio:
        raise InputError("--text and --driven_audio both say what is heard: choose one.")
    from kdtalker_jax.media.files import output_file
    from kdtalker_jax.speech.speaking import Speech, find_speaker

    out = options["speech_out"]
    if out:
        if Path(out).suffix.lower() not in FORMATS:
            raise OutputError(f"The name of saved speech ends in {' or '.join(FORMATS)}: {out} does not.")
        output_file(out, "speech", inputs, outputs)
    how = {name: options[name] for name in ("voice", "language", "speed")}
    speaker = None if options["tts"] is None else find_speaker(options["tts"])
    return Spoken(Speech(_read(text_file) if text is None else text, speaker, **how), out)


def voices_listed(tts: str | None, language: str | None) -> tuple[str, list[dict[str, str]]]:
    """The voices that there are, of a language or all: as lines, and as records."""
    from kdtalker_jax.speech.speaking import find_speaker

    voices = find_speaker(tts).voices()
    if tts is not None:
        return "Which voices a command has, it says itself.", []
    wanted = (language or "").lower().replace("_", "-")
    voices = [voice for voice in voices if voice.language == wanted or voice.language.startswith(wanted)]
    lines = [f"{voice.name:<16}{voice.about}" for voice in voices] or [f"There is no voice of the language {language}."]
    return "\n".join(lines), [voice._asdict() for voice in voices]


def _read(path: str) -> str:
    from kdtalker_jax.media.files import input_file
    from kdtalker_jax.speech.speaking import LONGEST_TEXT

    with input_file(path, "text file").open("rb") as file:
        start = file.read(4 * LONGEST_TEXT + 4)
    try:
        return start.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"The text file {path} is no text in UTF-8: save it as one.") from error


def _write(path: Path, waveform: "np.ndarray", rate: int) -> None:
    import soundfile

    from kdtalker_jax.media.files import cannot_write
    from kdtalker_jax.unfinished import unfinished_file

    try:
        with unfinished_file(path) as unfinished:
            soundfile.write(unfinished, waveform, rate, "PCM_16", format=FORMATS[path.suffix.lower()])
    except (OSError, soundfile.SoundFileError) as error:
        raise cannot_write(path, error, "speech") from error
