"""`--text` of the commands that make motion: spoken by a small program that stands for a synthesiser."""

import importlib.util
import json
import shlex
import sys

import imageio_ffmpeg
import pytest
import soundfile
from click.testing import CliRunner

from kdtalker_jax import demo
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.spaces.keypoints import Motion
from pipelines.animate import main as animate
from pipelines.sample import main as sample

RATE = 8000
PROGRAM = f"""
import sys, math, wave
text = sys.stdin.read().strip()
with wave.open(sys.argv[1], "wb") as file:
    file.setnchannels(1); file.setsampwidth(2); file.setframerate({RATE})
    file.writeframes(b"".join(int(9000 * math.sin(i)).to_bytes(2, "little", signed=True) for i in range({RATE} // 4)))
"""


@pytest.fixture
def tts(tmp_path_factory) -> str:
    program = tmp_path_factory.mktemp("voice") / "voice.py"
    program.write_text(PROGRAM)
    return f"{shlex.quote(sys.executable)} {program} {{out}}"


@pytest.fixture
def run(small_checkpoint):
    def call(command, *extra):
        arguments = ["--checkpoint", small_checkpoint, "--source_image", demo.PORTRAITS[0], "--crop", "none"]
        return CliRunner().invoke(command, [str(argument) for argument in (*arguments, "--steps", 2, *extra)])

    return call


def test_a_text_is_spoken_seen_and_kept(run, tts, tmp_path):
    out, kept = tmp_path / "out.mp4", tmp_path / "said.wav"
    result = run(sample, "--text", "One. Two.", "--tts", tts, "--output", out, "--speech_out", kept)
    assert result.exit_code == 0, result.output
    seconds = 0.25 + 0.3 + 0.25
    waveform, rate = soundfile.read(kept)
    assert (rate, len(waveform)) == (RATE, round(seconds * RATE))
    assert imageio_ffmpeg.count_frames_and_secs(str(out))[0] == 20
    assert len(load_waveform(out)) == pytest.approx(16000 * seconds, abs=1000)


def test_a_file_is_spoken_into_a_motion(run, tts, tmp_path):
    (tmp_path / "text.txt").write_text("\ufeffGrüße.\n\nZwei.", encoding="utf-8")
    out = tmp_path / "out.npz"
    result = run(animate, "--text_file", tmp_path / "text.txt", "--tts", tts, "--output", out)
    assert result.exit_code == 0, result.output
    assert len(Motion.load(out)) == 32  # two pieces and the pause of a paragraph


def test_outputs_replace_neither_the_text_nor_each_other(run, tts, tmp_path):
    text = tmp_path / "text.npz"
    text.write_text("One.")
    spoken = ("--text_file", text, "--tts", tts)
    for command, outputs, said in (
        (animate, ("--output", text), "also an input"),
        (sample, ("--output", tmp_path / "a.mp4", "--motion_out", text), "also an input"),
        (sample, ("--output", tmp_path / "a.mp4", "--motion_out", tmp_path / "b.npz", "--speech_out", text), ".wav"),
    ):
        result = run(command, *spoken, *outputs)
        assert result.exit_code == 2
        assert said in result.output.splitlines()[-1]
    assert text.read_text() == "One."
    assert [path.name for path in tmp_path.iterdir()] == ["text.npz"]


def test_voices_of_a_command_and_of_nobody(run, tts, tmp_path):
    result = run(sample, "--voices", "--tts", tts, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["voices"] == []
    installed = importlib.util.find_spec("espeakng_loader") is not None
    result = run(animate, "--voices", "--language", "de")
    assert result.exit_code == (0 if installed else 2)
    assert ("German" if installed else "pip install") in result.output


@pytest.mark.parametrize(
    ("options", "said"),
    (
        (("--text", ""), "nothing to say"),
        (("--text", " ... "), "nothing to say"),
        (("--text", "a", "--text_file", "b"), "choose one"),
        (("--text", "a", "--driven_audio", "b.wav"), "choose one"),
        (("--text_file", "absent.txt"), "does not exist"),
        (("--text_file", "{portrait}"), "no text in UTF-8"),
        (("--voice", "x"), "--voice is about a text"),
        (("--speed", "2"), "--speed is about a text"),
        (("--text", "a", "--speed", "9"), "--speed must be a number from 0.5 to 2"),
        (("--text", "a", "--tts", "piper"), "must say where it writes by {{out}}"),
        (("--text", "a", "--tts", "no-such-program {{out}}"), "no such program"),
        (("--text", "a", "--tts", "false {{out}}"), "failed with status 1"),
        (("--text", "a", "--tts", "true {{out}}"), "written nothing"),
        (("--text", "a", "--tts", "true {{out}}", "--voice", "x"), "--voice says nothing to this command"),
        (("--text", "a", "--tts", "true {{out}}", "--speech_out", "x.mp3"), "ends in .wav or .flac"),
    ),
)
def test_what_does_not_go_is_said_in_one_sentence(run, tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    result = run(sample, *(option.format(portrait=demo.PORTRAITS[0]) for option in options))
    assert result.exit_code == 2
    assert said.format() in result.output.splitlines()[-1]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
