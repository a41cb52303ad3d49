"""Videos of every kind that a name can ask for, read back."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from kdtalker_jax.errors import OutputError
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.encodings import encoding_of
from kdtalker_jax.media.frames import read_frames
from kdtalker_jax.media.video import VideoWriter, check_output


def frames_of(count, channels=3, height=48, width=64):
    """A square that goes right on a gradient; with four channels nothing is opaque but the square."""
    frames = np.zeros((count, height, width, channels), np.uint8)
    frames[..., :3] = np.arange(width)[:, None] * (2, 1, 3)
    for i in range(count):
        frames[i, 16:32, 8 + 2 * i : 24 + 2 * i] = (200, 40, 120, 255)[:channels]
    return frames


def write(path, frames, recording=None, frame_rate=25, **asked):
    encoding = encoding_of(path, alpha=frames.shape[-1] == 4, frame_rate=frame_rate, **asked)
    with VideoWriter(path, recording, frame_rate=frame_rate, frames=len(frames), encoding=encoding) as writer:
        writer.write(frames)


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 44_100), 44_100)
    return path


@pytest.mark.parametrize(
    ("name", "codec", "said"),
    [
        ("out.mp4", None, "h264"), ("out.mp4", "hevc", "hevc"), ("out.mov", "prores", "prores"),
        ("out.webm", None, "vp9"), ("out.mkv", "vp9", "vp9"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("known", [True, False])
def test_videos_with_sound(tmp_path, ffmpeg, speech, name, codec, said, known):
    frames = frames_of(10)
    encoding = encoding_of(name, codec=codec)
    with VideoWriter(tmp_path / name, speech, frames=10 if known else None, encoding=encoding) as writer:
        writer.write(frames)
    assert said in ffmpeg("-i", tmp_path / name, check=False)
    read = np.stack(list(read_frames(tmp_path / name)))
    assert read.shape == frames.shape
    assert np.abs(read.astype(int) - frames).mean() < 5
    assert abs(len(load_waveform(tmp_path / name)) / 16_000 - 0.4) < 0.05
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["out.webm", "out.mov", "out.webp", "out.gif", "frames/"])
def test_transparency(tmp_path, ffmpeg, speech, name):
    frames, path = frames_of(5, 4), f"{tmp_path}/{name}"
    write(path, frames, speech)
    if name == "frames/":
        read = np.stack([np.asarray(Image.open(file)) for file in sorted(Path(path).iterdir())])
        np.testing.assert_array_equal(read, frames)
    elif name in ("out.webp", "out.gif"):
        with Image.open(path) as image:
            assert image.n_frames == 5
            assert image.info["loop"] == 0
            read = np.stack([np.asarray((image.seek(i), image.convert("RGBA"))[1]) for i in range(5)])
    else:
        decoder = ("-c:v", "libvpx-vp9") if name == "out.webm" else ()
        ffmpeg(*decoder, "-i", path, tmp_path / "%d.png")
        read = np.stack([np.asarray(Image.open(tmp_path / f"{i}.png").convert("RGBA")) for i in range(1, 6)])
    for i in range(5):  # of the square that moves, but for a pixel beside its edge
        alpha = read[i, :, :, 3].astype(int)
        assert alpha[18:30, 11 + 2 * i : 22 + 2 * i].min() > 235
        outside = alpha.copy()
        outside[14:34, 6 + 2 * i : 26 + 2 * i] = 0
        assert outside.max() < 20
        inside = read[i, 18:30, 11 + 2 * i : 22 + 2 * i, :3].astype(int)
        assert np.abs(inside - (200, 40, 120)).mean() < 8


@pytest.mark.parametrize("rate", [50, 30, 12])
def test_a_gif_and_a_webp_keep_their_time(tmp_path, rate):
    for name in ("out.gif", "out.webp"):
        write(tmp_path / name, frames_of(8), frame_rate=rate)
        with Image.open(tmp_path / name) as image:
            durations = [(image.seek(i), image.load(), image.info["duration"])[2] for i in range(image.n_frames)]
        assert image.n_frames == 8
        assert abs(sum(durations) - 8000 / rate) <= 20


def test_quality_is_a_scale(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), np.uint8)
    for name in ("out.mp4", "out.webm", "out.webp"):
        sizes = []
        for quality in (10, 50, 95):
            write(tmp_path / name, noise, quality=quality)
            sizes.append((tmp_path / name).stat().st_size)
        assert sizes == sorted(sizes) and sizes[0] < 0.5 * sizes[2]


def test_the_best_quality_still_plays_in_browsers(tmp_path, ffmpeg):
    """Without any loss H.264 is of a profile that they do not know."""
    write(tmp_path / "out.mp4", frames_of(3), quality=100)
    assert re.search(r"h264 \((High|Main|Constrained Baseline)\)", ffmpeg("-i", tmp_path / "out.mp4", check=False))


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("a.mp4", {"alpha": True}, r"\.webm"),
        ("a.mp4", {"codec": "vp9"}, r"h264 or hevc"),
        ("a.mov", {"codec": "h264", "alpha": True}, "no transparency"),
        ("a.gif", {"quality": 50}, "`quality`"),
        ("a.mov", {"codec": "prores", "quality": 50}, "`quality`"),
        ("a.mp4", {"quality": 0}, "from 1 to 100"),
        ("a.mp4", {"quality": 50.5}, "from 1 to 100"),
        ("a.gif", {"frame_rate": 60}, "50 frames a second"),
        ("a.ogv", {}, r"\.mp4"),
        ("a.png", {}, "in / for a folder"),
    ],
)
def test_what_cannot_be_is_one_sentence(name, asked, said):
    with pytest.raises(OutputError, match=said):
        encoding_of(name, **asked)


def test_a_folder_of_pictures_is_new_or_empty(tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("new/", "empty/", "empty"):
        assert check_output(f"{tmp_path}/{name}") == tmp_path / name.rstrip("/")
    assert not (tmp_path / "new").exists()
    write(f"{tmp_path}/empty", frames_of(2))
    assert sorted(path.name for path in (tmp_path / "empty").iterdir()) == ["000000.png", "000001.png"]
    with pytest.raises(OutputError, match="holds something"):
        check_output(f"{tmp_path}/empty/")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        check_output(f"{tmp_path}/file/")


def test_a_folder_of_pictures_may_be_reached_by_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    for name, target in (("there", "real"), ("to be", "new")):
        (tmp_path / name).symlink_to(tmp_path / target)
        with VideoWriter(f"{tmp_path / name}/") as writer:
            writer.write(np.zeros((2, 8, 8, 3), np.uint8))
        assert len(list((tmp_path / target).iterdir())) == 2
        assert (tmp_path / name).is_symlink()


def test_folders_that_cannot_be_replaced_are_refused_at_once(tmp_path, monkeypatch):
    """The pictures come from beside the folder: that it can be written to itself says nothing."""
    (tmp_path / "out").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr("os.path.ismount", lambda path: path == tmp_path / "out")
        with pytest.raises(OutputError, match="is a mount point"):
            check_output(f"{tmp_path / 'out'}/")

    def refuse(prefix, dir):
        raise PermissionError(13, "Permission denied", str(dir)) if dir == tmp_path else AssertionError(dir)

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(OutputError, match="out cannot be written: Permission denied"):
        check_output(f"{tmp_path / 'out'}/")


def test_nothing_is_left_of_a_folder_that_fails(tmp_path):
    with pytest.raises(RuntimeError), VideoWriter(f"{tmp_path}/frames/") as writer:
        writer.write(frames_of(2))
        raise RuntimeError
    assert not list(tmp_path.iterdir())
