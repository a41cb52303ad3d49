"""Frames of videos: at the right time, upright, and from any file, also a hostile one."""

import itertools
from fractions import Fraction

import cv2
import numpy as np
import pytest

from kdtalker_jax.errors import InputError
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.frames import LONGEST_SIDE, exact_rate, frame_rate, read_frames, sound_start

BITS = 20


@pytest.fixture
def numbered(ffmpeg, tmp_path):
    """Writes a lossless video whose frames carry their number in black and white: (name, frames, rate, *options)."""

    def make(name, frames, rate, *options):
        raw = tmp_path / "raw"
        bits = np.arange(frames)[:, None] >> np.arange(BITS) & 1  # (frames, 20)
        raw.write_bytes(np.repeat(255 * bits.astype(np.uint8)[:, None], 4, axis=1).tobytes())
        source = ("-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{BITS}x4", "-r", rate, "-i", raw)
        ffmpeg(*source, *(options or ("-c:v", "ffv1")), tmp_path / name)
        return tmp_path / name

    return make


def numbers(frames):
    """The number of each frame of a numbered video."""
    return np.array([(frame[0, :, 0] > 127) @ (1 << np.arange(BITS)) for frame in frames])


@pytest.mark.parametrize("rate", ["10", "24", "25", "30000/1001", "60", "120"])
def test_frames_are_resampled_by_time(numbered, rate):
    """Each frame is at most half a frame off, or has not been replaced yet in a slow video."""
    video = numbered("video.mkv", 100, rate)
    seconds = float(1 / Fraction(rate))
    shown = numbers(read_frames(video))
    assert abs(len(shown) - 100 * seconds * 25) <= 1
    late = np.arange(len(shown)) / 25 - shown * seconds
    assert late.min() > -0.0205
    assert late.max() < max(seconds, 0.0205) + 0.001


def test_an_hour_of_29_97_stays_in_step(numbered):
    shown = numbers(read_frames(numbered("hour.mkv", 107_892, "30000/1001")))
    assert len(shown) == pytest.approx(90_000, abs=1)
    late = np.arange(len(shown)) / 25 - shown * 1001 / 30000
    assert np.abs(late).max() < 0.0215  # half a frame, and the millisecond to which Matroska rounds


def test_variable_frame_rate(numbered):
    """Frames of a video whose rate rises are shown when their timestamps say so."""
    times = 4 * np.sqrt(np.arange(100) / 100)  # seconds
    clock = ("-vf", "settb=1/1000,setpts=4*sqrt(N/100)/TB", "-enc_time_base", "1:1000", "-fps_mode", "passthrough")
    video = numbered("vfr.mkv", 100, "25", *clock, "-c:v", "ffv1")
    shown = numbers(read_frames(video))
    due = np.searchsorted(times, np.arange(len(shown)) / 25 + 0.02, side="right") - 1
    assert np.abs(shown - due).max() <= 1  # timestamps are kept in milliseconds, so ties may fall either way
    assert np.mean(shown == due) > 0.9


def test_the_rate_of_a_video_whose_rate_varies_is_its_mean(numbered):
    """From 29.97 frames a second with jitter ffmpeg makes 48000/1001."""
    clock = ("-vf", "settb=1/90000,setpts='N*3003+300*mod(N*7,5)'", "-enc_time_base", "1:90000")
    video = numbered("phone.mp4", 50, "30000/1001", *clock, "-fps_mode", "passthrough", "-c:v", "libx264", "-bf", "0")
    assert float(exact_rate(video)) == pytest.approx(29.97, rel=0.01)
    assert exact_rate(numbered("ntsc.mkv", 50, "24000/1001")) == Fraction(24000, 1001)


def test_frames_of_25_come_as_they_are(numbered):
    assert numbers(read_frames(numbered("video.mp4", 60, "25", "-c:v", "libx264rgb", "-qp", "0"))).tolist() == [
        *range(60)
    ]


def test_most_frames(numbered):
    assert numbers(read_frames(numbered("video.mkv", 60, "25"), most=7)).tolist() == [*range(7)]


def test_reading_can_be_given_up(numbered):
    frames = read_frames(numbered("video.mkv", 5000, "25"))
    next(frames)
    frames.close()  # must not wait for ffmpeg, which would wait for someone to read its output


def test_rotation_of_phones_is_undone(ffmpeg, tmp_path):
    """A phone held upright stores its pictures lying and says so."""
    lying = tmp_path / "lying.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=64x32:d=0.2,drawbox=w=16:h=32:color=blue:t=fill", lying)
    upright = tmp_path / "upright.mp4"
    ffmpeg("-display_rotation", "90", "-i", lying, "-c", "copy", upright)
    frame = next(read_frames(upright))
    assert frame.shape == (64, 32, 3)
    assert frame[60, 16, 2] > 200 > 60 > frame[60, 16, 0]  # turned against the clock, the left edge is below


def test_pixels_become_square(ffmpeg, tmp_path):
    video = tmp_path / "wide.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64:d=0.2", "-vf", "setsar=16/9", video)
    assert next(read_frames(video)).shape == (64, 113, 3)


def test_huge_pictures_are_reduced(ffmpeg, tmp_path):
    video = tmp_path / "huge.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=s=4096x1024:d=0.08", "-c:v", "mpeg4", video)
    assert next(read_frames(video)).shape == (LONGEST_SIDE // 4, LONGEST_SIDE, 3)


def test_a_change_of_size_keeps_the_first(ffmpeg, tmp_path):
    """Streams may change their size; frames of one clip may not."""
    for name, size in (("a.ts", "64x64"), ("b.ts", "96x48")):
        ffmpeg("-f", "lavfi", "-i", f"testsrc=s={size}:d=0.4", "-c:v", "mpeg2video", tmp_path / name)
    both = tmp_path / "both.ts"
    both.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    assert {frame.shape for frame in read_frames(both)} == {(64, 64, 3)}


@pytest.mark.parametrize("delay", [0, 0.5])
def test_sound_and_pictures_keep_their_offset(ffmpeg, numbered, tmp_path, delay):
    """Frame 0 belongs to the first sample of `load_waveform`, also where the sound begins later."""
    pictures = numbered("pictures.mkv", 75, "25")
    video = tmp_path / "video.mkv"
    tone = ("-itsoffset", delay, "-f", "lavfi", "-i", "sine=d=2:r=16000")
    ffmpeg("-i", pictures, *tone, "-c:v", "copy", "-c:a", "pcm_s16le", video)
    start = sound_start(video)
    assert start == pytest.approx(delay, abs=0.002)
    assert numbers(read_frames(video, start))[0] == round(25 * delay)
    assert len(load_waveform(video)) == pytest.approx(32000, abs=16)


def test_pictures_that_begin_late_are_held(ffmpeg, numbered, tmp_path):
    pictures = numbered("pictures.mkv", 50, "25")
    video = tmp_path / "video.mkv"
    tone = ("-f", "lavfi", "-i", "sine=d=2:r=16000")
    ffmpeg(*tone, "-itsoffset", "0.4", "-i", pictures, "-c:v", "copy", "-c:a", "pcm_s16le", video)
    assert numbers(read_frames(video, sound_start(video)))[:12].tolist() == [0] * 11 + [1]


@pytest.mark.parametrize(("rate", "expected"), [("25", 25), ("30000/1001", 30000 / 1001), ("12.5", 12.5)])
def test_frame_rate(numbered, rate, expected):
    assert frame_rate(numbered("video.mp4", 50, rate, "-c:v", "mpeg4")) == pytest.approx(expected)


def test_real_videos(media):
    """The real clips have 25 and 30 frames a second; both give one frame for each 40 ms."""
    assert frame_rate(media / "video" / "lp_d18.mp4") == 30
    assert sum(1 for _ in read_frames(media / "video" / "lp_d18.mp4")) == 180  # of 7.2 s
    assert {frame.shape for frame in itertools.islice(read_frames(media / "video" / "lp_d20.mp4"), 5)} == {
        (480, 480, 3)
    }


def _first(path):
    return next(read_frames(path))


@pytest.mark.parametrize("read", [_first, frame_rate, sound_start])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        (b"", "is empty"),
        (b"What is this?\n" * 100, "not a video that can be read"),
        (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "not a video that can be read"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "not a video that can be read"),
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(range(256)) * 8, "not a video that can be read"),
    ],
)
def test_files_that_are_no_videos(tmp_path, read, content, message):
    path = tmp_path / "video.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read(path)


def test_a_song_with_a_cover_has_no_pictures(ffmpeg, tmp_path):
    """Album covers are stored as a video stream of one frame."""
    cover, song = tmp_path / "cover.png", tmp_path / "song.mp3"
    ffmpeg("-f", "lavfi", "-i", "color=s=64x64", "-frames:v", "1", cover)
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-i", cover, "-map", "0", "-map", "1", "-c:v", "copy", song)
    for read in (_first, frame_rate):
        with pytest.raises(InputError, match="no pictures"):
            read(song)


def test_video_without_sound(numbered):
    with pytest.raises(InputError, match="no audio stream"):
        sound_start(numbered("video.mkv", 10, "25"))


def test_garbage_behind_a_good_header(ffmpeg, tmp_path):
    """The header promises pictures and sound that cannot be decoded."""
    video = tmp_path / "video.mp4"
    streams = ("-f", "lavfi", "-i", "testsrc=s=64x64:d=1", "-f", "lavfi", "-i", "sine=d=1")
    ffmpeg(*streams, "-c:a", "aac", "-movflags", "+faststart", video)
    header, tag, content = video.read_bytes().partition(b"mdat")
    video.write_bytes(header + tag + b"\x5a" * len(content))
    for read in (_first, frame_rate, sound_start):
        with pytest.raises(InputError, match=r"damaged|not a video that can be read"):
            read(video)


def test_a_cut_off_file_gives_what_is_there(numbered):
    """A download that broke off: the frames that arrived are good."""
    video = numbered("video.mkv", 2000, "25")
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    shown = numbers(read_frames(video))
    assert 500 < len(shown) < 1500
    assert shown.tolist() == [*range(len(shown))]


def test_a_name_is_only_a_name(numbered, tmp_path):
    """Names that mean something to ffmpeg are read as files."""
    video = numbered("video.mkv", 5, "25")
    odd = video.rename(tmp_path / "-i concat:a|b %03d.mp4")
    assert numbers(read_frames(odd)).tolist() == [0, 1, 2, 3, 4]


def test_colours_can_be_rounded_as_opencv_rounds_them(ffmpeg, tmp_path):
    """Published figures were measured on frames from VideoCapture; the exact colours differ from these."""
    path = tmp_path / "a.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25", "-frames:v", "3", "-pix_fmt", "yuv420p", path)
    capture = cv2.VideoCapture(str(path))
    theirs = np.stack([capture.read()[1][..., ::-1] for _ in range(3)])
    np.testing.assert_array_equal(np.stack(list(read_frames(path, as_opencv=True))), theirs)
    assert not np.array_equal(np.stack(list(read_frames(path))), theirs)
