"""Speech by a program of the user's: text on its standard input, sound in a file that it writes. No shell."""

import os
import shlex
import signal
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from kdtalker_jax.errors import InputError
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.rates import SAMPLE_RATE
from kdtalker_jax.speech.protocol import Voice
from kdtalker_jax.unfinished import undone, unfinished_folder

OUT = "{out}"
EXAMPLE = "piper -m voice.onnx -f {out}"
_LONGEST_COMPLAINT = 300  # characters


class CommandSpeaker:
    """A command line such as "piper --model voice.onnx --output_file {out}".

    It is run once for each sentence, with {out} replaced by the name of a `.wav` file that it has to write; {voice},
    {language} and {speed} are replaced too, where it names them.

    Raises:
        InputError: it cannot be a command.
    """

    def __init__(self, command: str) -> None:
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise InputError(
                f"The command {command!r} has a quote that does not end: write it as in {EXAMPLE}."
            ) from error
        if not self._words or not any(OUT in word for word in self._words[1:]):
            raise InputError(f"The command {command!r} must say where it writes by {OUT}, as in {EXAMPLE}.")

    def voices(self) -> list[Voice]:
        return []

    def check(self, voice: str | None, language: str | None, speed: float) -> None:
        asked = {"voice": voice, "language": language, "speed": None if speed == 1 else speed}
        for name, value in asked.items():
            if value is not None and not self._names(name):
                raise InputError(f"`{name}` says nothing to this command: put {{{name}}} where it wants it.")
            if value is None and name != "speed" and self._names(name):
                raise InputError(f"The command has {{{name}}}: give `{name}`.")

    def speak(self, text: str, voice: str | None, language: str | None, speed: float) -> tuple[np.ndarray, int]:
        with unfinished_folder(Path(tempfile.gettempdir()) / "speech") as folder:
            out = folder / "speech.wav"
            values = {"out": str(out), "voice": voice, "language": language, "speed": f"{speed:g}"}
            self._run([_filled(word, values) for word in self._words], text)
            if not out.is_file() or not out.stat().st_size:
                raise InputError(f"{self._program} has written nothing to {OUT}: try it by hand with a line of text.")
            return _read(out, self._program)

    @property
    def _program(self) -> str:
        return f"The speech command {Path(self._words[0]).name!r}"

    def _names(self, name: str) -> bool:
        return any(f"{{{name}}}" in word for word in self._words)

    def _run(self, words: list[str], text: str) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        try:
            process = subprocess.Popen(words, **pipes, start_new_session=True)
        except (OSError, ValueError) as error:
            why = "there is no such program" if isinstance(error, FileNotFoundError) else str(error).rstrip(".")
            raise InputError(f"{self._program} cannot be run: {why}.") from error
        with process, undone(lambda: _kill(process)):
            try:
                _, said = process.communicate(text.encode() + b"\n")
            finally:
                _kill(process)  # where it is interrupted
        if process.returncode:
            lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
            why = f": {lines[-1][:_LONGEST_COMPLAINT]}" if lines else ""
            raise InputError(f"{self._program} has failed with status {process.returncode}{why}")


def _filled(word: str, values: dict[str, str | None]) -> str:
    for name, value in values.items():
        word = word.replace(f"{{{name}}}", value or "")
    return word


def _read(path: Path, program: str) -> tuple[np.ndarray, int]:
    try:
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
        return sound.mean(axis=1), rate
    except soundfile.SoundFileError:
        try:
            return load_waveform(path), SAMPLE_RATE  # by ffmpeg, whatever it is
        except InputError as error:
            raise InputError(f"{program} has written what is no sound.") from error


def _kill(process: subprocess.Popen) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
