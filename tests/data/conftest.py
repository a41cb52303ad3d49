"""A folder of small videos, good ones and every kind of bad one, and what the small model extracts from it."""

import numpy as np
import pytest
import soundfile

from kdtalker_jax.media.video import VideoWriter

SIZE = 64  # pixels; also of what the small motion extractor sees


@pytest.fixture(scope="session")
def make_video():
    """Writes moving stripes with a tone, or without sound for volume None: (path, frames, seed, rate, volume)."""

    def make(path, frames, seed=0, rate=25, volume=0.3):
        path.parent.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(seed)
        still = random.integers(0, 256, (SIZE // 8, SIZE // 8, 3), np.uint8).repeat(8, axis=0).repeat(8, axis=1)
        sound = path.with_suffix(".wav")
        if volume is not None:
            tone = np.sin(np.arange(16_000 * frames // rate) * (0.05 + 0.02 * seed)) * random.uniform(0.5, 1)
            soundfile.write(sound, volume * tone, 16_000)
        with VideoWriter(path, None if volume is None else sound, frame_rate=rate) as video:
            video.write(np.stack([np.roll(still, shift, axis=1) for shift in range(frames)]))
        sound.unlink(missing_ok=True)
        return path

    return make


@pytest.fixture(scope="session")
def videos(make_video, tmp_path_factory):
    """Four good videos, two of one name, and six files that give no clip."""
    folder = tmp_path_factory.mktemp("data") / "videos"
    make_video(folder / "a.mp4", 80, seed=1)
    make_video(folder / "b" / "a.mp4", 90, seed=2)
    make_video(folder / "b" / "größe 1.mkv", 84, seed=3)
    make_video(folder / "c.mov", 100, seed=4, rate=30)
    make_video(folder / "mute.mp4", 80, volume=None)
    make_video(folder / "silent.mp4", 80, volume=0)
    make_video(folder / "short.mp4", 60)
    (folder / "notes.txt").write_text("Not a video.")
    (folder / "empty.mp4").touch()
    (folder / "broken.mp4").write_bytes((folder / "a.mp4").read_bytes()[:600])
    (folder / ".hidden.mp4").write_bytes((folder / "a.mp4").read_bytes())
    return folder


GOOD = {"a.mp4": 80, "b/a.mp4": 90, "b/größe 1.mkv": 84, "c.mov": 83}
BAD = {
    "mute.mp4": "no sound",
    "silent.mp4": "no sound",
    "short.mp4": "too short",
    "notes.txt": "unreadable",
    "empty.mp4": "unreadable",
    "broken.mp4": "unreadable",
}


@pytest.fixture(scope="session")
def good():
    """Frames of the good videos by name."""
    return GOOD


@pytest.fixture(scope="session")
def bad():
    """Reasons of the bad ones by name."""
    return BAD
