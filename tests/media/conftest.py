"""Small recordings and pictures, made anew for each test."""

import subprocess

import imageio_ffmpeg
import numpy as np
import pytest


@pytest.fixture(scope="session")
def ffmpeg():
    """Runs the bundled ffmpeg and returns its messages; paths are those of tests, so plain arguments are safe."""

    def run(*arguments, check=True):
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-y", *map(str, arguments)]
        return subprocess.run(command, check=check, capture_output=True, text=True).stderr

    return run


@pytest.fixture(scope="session")
def tone():
    """A chirp with a soft start: (seconds, rate, channels) -> float32 (samples, channels), each channel its own."""

    def make(seconds, rate, channels=1):
        time = np.arange(round(seconds * rate)) / rate
        waves = [np.sin(2 * np.pi * (200 + 60 * i + 100 * time) * time) * (0.4 - 0.05 * i) for i in range(channels)]
        return (np.stack(waves, axis=-1) * np.minimum(1, 20 * time)[:, None]).astype(np.float32)

    return make
