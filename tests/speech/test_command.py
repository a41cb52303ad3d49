"""Speech by a command: a small program stands for a synthesiser, and whatever it does wrong is one sentence."""

import shlex
import subprocess
import sys

import numpy as np
import pytest

from kdtalker_jax.errors import InputError
from kdtalker_jax.speech.command import CommandSpeaker
from kdtalker_jax.speech.speaking import Speech, speak

RATE = 8000
PROGRAM = f"""
import sys, wave
text = sys.stdin.read().strip()
with wave.open(sys.argv[1], "wb") as file:
    file.setnchannels(1); file.setsampwidth(2); file.setframerate({RATE})
    file.writeframes(b"\\x00\\x40" * (100 * len(text)))
open(sys.argv[2], "a").write(repr(sys.argv[3:]) + text + "\\n")
"""


@pytest.fixture
def command(tmp_path):
    program = tmp_path / "a voice.py"
    program.write_text(PROGRAM)
    log = tmp_path / "log"

    def make(*extra: str) -> str:
        words = [sys.executable, program, "{out}", log]
        return " ".join([*(shlex.quote(str(word)) for word in words), *extra])

    make.log = log
    return make


def failing(program: str) -> CommandSpeaker:
    return CommandSpeaker(f"{shlex.quote(sys.executable)} -c {shlex.quote(program)} {{out}}")


def test_each_sentence_is_spoken_with_its_pause(command):
    waveform, rate = speak("One two. Three.\n\nFour.", CommandSpeaker(command()))
    assert rate == RATE
    assert command.log.read_text().splitlines() == ["[]One two.", "[]Three.", "[]Four."]
    assert len(waveform) == 100 * 19 + round(0.3 * RATE) + round(0.8 * RATE)
    loud = np.flatnonzero(waveform)
    assert (loud[0], loud[-1]) == (0, len(waveform) - 1)
    assert np.diff(loud).max() == round(0.8 * RATE) + 1


def test_what_is_asked_for_is_handed_on_as_it_is(command):
    """No shell reads it."""
    asked = {"voice": "a b; rm x $HOME", "language": "en", "speed": 1.5}
    speak("Hi.", CommandSpeaker(command("{voice}", "--l={language}", "{speed}")), **asked)
    assert command.log.read_text().strip() == "['a b; rm x $HOME', '--l=en', '1.5']Hi."


@pytest.mark.parametrize(
    ("asked", "extra", "said"),
    (
        ({"voice": "x"}, "", "`voice` says nothing"),
        ({"language": "x"}, "", "`language` says nothing"),
        ({"speed": 2.0}, "", "`speed` says nothing"),
        ({}, "{voice}", "give `voice`"),
        ({"speed": 3.0}, "{speed}", "from 0.5 to 2"),
        ({"speed": "fast"}, "{speed}", "from 0.5 to 2"),
    ),
)
def test_what_the_command_does_not_take(command, asked, extra, said):
    with pytest.raises(InputError, match=said):
        Speech("Hi.", CommandSpeaker(command(extra)), **asked)


@pytest.mark.parametrize("text", ("", " \n ", "...", 7))
def test_nothing_to_say(command, text):
    with pytest.raises(InputError, match=r"nothing to say|must be a str"):
        Speech(text, CommandSpeaker(command()))


@pytest.mark.parametrize("text", ("", "piper", "piper --out file.wav", "'unfinished {out}", "{out}"))
def test_commands_that_are_none(text):
    with pytest.raises(InputError, match=r"{out}"):
        CommandSpeaker(text)


@pytest.mark.parametrize(
    ("program", "said"),
    (
        ("import sys; sys.exit('no model\\nof that name')", "status 1: of that name$"),
        ("import sys; sys.exit(3)", "status 3$"),
        ("pass", "written nothing"),
        ("import sys; open(sys.argv[1], 'w')", "written nothing"),
        ("import sys; open(sys.argv[1], 'w').write('words')", "what is no sound"),
    ),
)
def test_commands_that_fail(program, said):
    with pytest.raises(InputError, match=said):
        speak("Hi.", failing(program))


def test_silence_is_no_speech(command):
    program = PROGRAM.replace("\\x40", "\\x00").replace("sys.argv[2]", "__import__('os').devnull")
    with pytest.raises(InputError, match="no sound of this text"):
        speak("Hi.", failing(program))


def test_no_such_program():
    with pytest.raises(InputError, match="no such program"):
        speak("Hi.", CommandSpeaker("no-such-program {out}"))


def test_an_interruption_ends_the_program(monkeypatch):
    started = []

    class Process(subprocess.Popen):
        def communicate(self, *arguments, **keywords):
            started.append(self)
            raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", Process)
    with pytest.raises(KeyboardInterrupt):
        speak("Hi.", failing("import time; time.sleep(60)"))
    assert started[0].returncode < 0
