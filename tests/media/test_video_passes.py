"""A video whose length is known is written in one pass, and is the one that two passes give."""

import re

import numpy as np
import pytest
import soundfile

from kdtalker_jax.errors import OutputError
from kdtalker_jax.media.video import VideoWriter


def clip(frames):
    """Frames of a moving gradient."""
    grey = (2 * np.arange(64) + np.arange(48)[:, None] + 3 * np.arange(frames)[:, None, None]) % 256
    return np.repeat(grey[..., None], 3, axis=-1).astype(np.uint8)


def write(path, recording, frames, expected):
    with VideoWriter(path, recording, frames=expected) as writer:
        for start in range(0, frames, 8):
            writer.write(clip(frames)[start : start + 8])


@pytest.mark.parametrize("seconds", [0.1, 3.0])
@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (44_100, 2), (96_000, 1)])
@pytest.mark.parametrize(("frames", "extension"), [(1, "mp4"), (3, "mkv"), (64, "mp4"), (65, "mov")])
def test_one_pass_gives_what_two_give(tmp_path, ffmpeg, tone, frames, extension, rate, channels, seconds):
    soundfile.write(tmp_path / "a.wav", tone(seconds, rate, channels), rate)
    content = []
    for name, expected in (("two", None), ("one", frames)):
        path = tmp_path / f"{name}.{extension}"
        write(path, tmp_path / "a.wav", frames, expected)
        for stream in ("v", "a"):
            ffmpeg("-i", path, "-map", f"0:{stream}", "-f", "framemd5", tmp_path / "sums")
            lines = (tmp_path / "sums").read_text().splitlines()
            content.append([line for line in lines if not line.startswith("#software")])
    video, sound, other_video, other_sound = content
    assert (video, sound) == (other_video, other_sound)
    assert len([line for line in video if line.startswith("0,")]) == frames


@pytest.mark.parametrize("frames", [1, 2, 7, 25, 26, 63, 101])
def test_the_sound_is_as_long_as_the_video(tmp_path, ffmpeg, tone, frames):
    for seconds in (0.3, 5):
        soundfile.write(tmp_path / "a.wav", tone(seconds, 44_100, 2), 44_100)
        write(tmp_path / "out.mp4", tmp_path / "a.wav", frames, frames)
        ffmpeg("-i", tmp_path / "out.mp4", "-map", "0:a", tmp_path / "sound.wav")
        sound, rate = soundfile.read(tmp_path / "sound.wav")
        assert abs(len(sound) / rate - frames / 25) < 0.001


@pytest.mark.parametrize("recorded", [True, False])
def test_the_disk_holds_the_video_once(tmp_path, tone, recorded):
    """All that is ever beside the output while it is made is no more than itself."""
    soundfile.write(tmp_path / "a.wav", tone(4, 44_100), 44_100)
    noise = np.random.default_rng(0).integers(0, 255, (100, 64, 64, 3), np.uint8)
    folder = tmp_path / "out"
    folder.mkdir()
    seen = []

    def look():
        seen.append(sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()))

    with VideoWriter(folder / "out.mp4", tmp_path / "a.wav" if recorded else None, frames=100) as writer:
        for frame in noise:
            writer.write(frame)
            look()
        writer._wait_for(writer._encoder)
        look()
    assert max(seen) <= (folder / "out.mp4").stat().st_size + 1000
    assert len(seen) == 101


@pytest.mark.parametrize("expected", [2, 4])
def test_another_number_of_frames_than_said_is_an_output_error(tmp_path, tone, expected):
    soundfile.write(tmp_path / "a.wav", tone(1, 44_100), 44_100)
    with pytest.raises(OutputError, match=rf"was to have {expected} frames and was given 3"):
        write(tmp_path / "out.mp4", tmp_path / "a.wav", 3, expected)
    assert not re.search("out", " ".join(path.name for path in tmp_path.iterdir()))
