"""A video that is watched while it is made."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from kdtalker_jax.errors import OutputError
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.frames import read_frames
from kdtalker_jax.media.live import LiveVideo

REPOSITORY = Path(__file__).resolve().parents[2]


def frames(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (count, 64, 64, 3), np.uint8)


def test_frames_and_sound_are_all_there(tmp_path):
    tone = (8000 * np.sin(np.arange(128 * 640) / 8)).astype(np.int16)
    with (tmp_path / "a.mkv").open("wb") as file, LiveVideo(file, 16_000) as video:
        for window in range(2):  # sound comes first, as when it is heard
            video.hear(tone[window * 64 * 640 : (window + 1) * 64 * 640])
            for frame in frames(64):
                video.write(frame[None])
    assert sum(1 for _ in read_frames(tmp_path / "a.mkv")) == 128
    heard = load_waveform(tmp_path / "a.mkv")
    assert abs(len(heard) - len(tone)) < 2048  # of AAC's blocks
    assert 0.1 < np.abs(heard[16_000:32_000]).mean() < 0.25


def test_frames_arrive_before_the_end():
    reading, writing = os.pipe()
    arrived, done = threading.Event(), []

    def watch() -> None:
        while data := os.read(reading, 1 << 16):
            done.append(len(data))
            if sum(done) > 20_000:
                arrived.set()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    with os.fdopen(writing, "wb") as pipe, LiveVideo(pipe, 16_000) as video:
        video.hear(np.zeros(3 * 16_000, np.int16))
        video.write(frames(40))
        assert arrived.wait(30)
    watcher.join(30)


def test_a_reader_that_is_gone_is_told_of():
    reading, writing = os.pipe()
    os.close(reading)
    with (
        os.fdopen(writing, "wb") as pipe,
        pytest.raises(OutputError, match="The video cannot be written"),
        LiveVideo(pipe, 16_000) as video,
    ):
        video.hear(np.zeros(30 * 16_000, np.int16))
        for _ in range(30):
            video.write(frames(25))


def stream(*arguments: str, sound: bytes, cwd: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "kdtalker_jax", "stream", *arguments]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(command, input=sound, cwd=cwd, env=environment, capture_output=True)


def test_the_command_streams_from_pipe_to_pipe(small_checkpoint, tmp_path):
    sound = (3000 * np.random.default_rng(0).standard_normal(9 * 640)).astype("<i2").tobytes()
    done = stream("--checkpoint", str(small_checkpoint), "--steps", "2", sound=sound + b"\0", cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    (tmp_path / "a.mkv").write_bytes(done.stdout)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(tmp_path / "a.mkv")]
    description = subprocess.run(command, capture_output=True, text=True).stderr
    assert re.search("h264.*128x128", description) and "aac" in description
    assert sum(1 for _ in read_frames(tmp_path / "a.mkv")) == 9
    done = stream("--json", sound=sound, cwd=tmp_path)
    assert done.returncode == 2 and b"--json needs --output" in done.stderr


@pytest.mark.parametrize(
    ("sound", "sentence"), [(b"RIFF....WAVE", "is a file of some format"), (b"", "no sound at all")]
)
def test_what_is_no_raw_sound_is_refused(small_checkpoint, tmp_path, sound, sentence):
    done = stream("--checkpoint", str(small_checkpoint), sound=sound, cwd=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr.decode()
