"""An ffmpeg that makes no progress is given up; one that waits for us is not."""

import os
import signal
import subprocess
import time

import numpy as np
import pytest
import soundfile

from kdtalker_jax.errors import InputError, OutputError
from kdtalker_jax.media import ffmpeg as module
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.ffmpeg import FFmpeg
from kdtalker_jax.media.video import VideoWriter

ENDLESS = ("-f", "lavfi", "-i", "anullsrc", "-f", "s16le", "pipe:1")


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(module, "_GLANCE", 0.05)
    monkeypatch.setattr(module, "_IDLE_LIMIT", 0.5)


@pytest.fixture
def stuck(monkeypatch, tmp_path):
    """Puts a program in ffmpeg's place: shell commands."""

    def put(commands):
        program = tmp_path / "stuck"
        program.write_text(f"#!/bin/sh\n{commands}\n")
        program.chmod(0o755)
        monkeypatch.setattr(module, "executable", lambda: str(program))

    return put


def test_reading_from_a_process_that_stands_still_ends(impatient):
    with FFmpeg(*ENDLESS, stdout=subprocess.PIPE) as ffmpeg:
        assert ffmpeg.process.stdout.read(1000)
        os.kill(ffmpeg.process.pid, signal.SIGSTOP)
        while ffmpeg.process.stdout.read(1 << 16):
            pass
        assert ffmpeg.finish() == "ffmpeg made no progress and was stopped"


def test_writing_to_a_process_that_stands_still_ends(impatient, tmp_path):
    with (
        pytest.raises(OutputError, match=r"out\.mp4 cannot be written: ffmpeg made no progress"),
        VideoWriter(tmp_path / "out.mp4") as writer,
    ):
        writer.write(np.zeros((1, 64, 64, 3), np.uint8))
        os.kill(writer._encoder.process.pid, signal.SIGSTOP)
        for _ in range(100):
            writer.write(np.zeros((8, 64, 64, 3), np.uint8))


def test_a_process_that_waits_for_us_is_left_alone(impatient, tmp_path):
    """Frames may take long to render, and what was decoded long to use."""
    with VideoWriter(tmp_path / "out.mp4") as writer:
        for _ in range(2):
            writer.write(np.zeros((1, 64, 64, 3), np.uint8))
            time.sleep(1)
    with FFmpeg(*ENDLESS, stdout=subprocess.PIPE) as ffmpeg:
        for _ in range(2):
            assert len(ffmpeg.process.stdout.read(1 << 17)) == 1 << 17
            time.sleep(1)


@pytest.mark.parametrize("commands", ["sleep 100", "exec 1>&-; sleep 100", "while :; do :; done"])
def test_a_recording_on_which_ffmpeg_hangs_is_refused(impatient, stuck, monkeypatch, tmp_path, tone, commands):
    """Also where it computes without end, or has closed its output."""
    monkeypatch.setattr(module, "_SILENT_LIMIT", 1.0)
    soundfile.write(tmp_path / "a.flac", tone(1, 16_000), 16_000)
    (tmp_path / "a.flac").write_bytes((tmp_path / "a.flac").read_bytes()[:100])
    stuck(commands)
    started = time.monotonic()
    with pytest.raises(InputError, match=r"a\.flac is damaged"):
        load_waveform(tmp_path / "a.flac")
    assert time.monotonic() - started < 20
