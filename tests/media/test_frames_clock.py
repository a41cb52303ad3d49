"""Pictures on the clock of their file: a flash is seen when its beep is heard, whatever was lost or began late."""

import numpy as np
import pytest

from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.frames import read_frames, sound_start
from kdtalker_jax.media.rates import SAMPLE_RATE

FLASH = 3.0  # seconds
CONTAINERS = {"mp4": "aac", "mov": "pcm_s16le", "mkv": "pcm_s16le", "ts": "mp2", "flv": "libmp3lame"}  # and sound


@pytest.fixture
def flash_and_beep(ffmpeg, tmp_path):
    """Writes a video of 5 s with a white picture among black ones, and a beep, at `FLASH` of one clock."""

    def make(container, lost=None, pictures_late=0.0, sound_late=0.0):
        pictures = f"color=black:s=32x32:r=25:d=5,drawbox=c=white:t=fill:enable='eq(n,{round(25 * FLASH)})'"
        beep = f"sine=r=44100:f=1000:d=5,volume='between(t,{FLASH},{FLASH}+0.04)':eval=frame"
        kept = f"gte(t,{pictures_late})" + (f"*not(between(t,{lost[0]},{lost[1]}))" if lost else "")
        path = tmp_path / f"video.{container}"
        sound = ("-af", f"aselect='gte(t,{sound_late})'", "-c:a", CONTAINERS[container], "-shortest")
        codec = ("-c:v", "mpeg2video" if container == "ts" else "libx264", "-bf", "0", "-pix_fmt", "yuv420p")
        inputs = ("-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", beep)
        ffmpeg(*inputs, "-vf", f"select='{kept}'", "-fps_mode", "passthrough", *codec, *sound, path)
        return path

    return make


def flashes(frames):
    """The numbers of white pictures."""
    return [number for number, frame in enumerate(frames) if frame.mean() > 128]


@pytest.mark.parametrize("lost", [None, (1.02, 1.5), (0.5, 2.7)], ids=["nothing", "half a second", "two seconds"])
@pytest.mark.parametrize("container", CONTAINERS)
def test_lost_pictures_are_held(flash_and_beep, container, lost):
    video = flash_and_beep(container, lost)
    seen = flashes(read_frames(video, sound_start(video)))
    assert seen == pytest.approx([25 * FLASH], abs=1.5)  # and the padding of lossy sound
    assert len(list(read_frames(video))) == pytest.approx(125, abs=2)


@pytest.mark.parametrize(("pictures_late", "sound_late"), [(0.8, 0.0), (0.0, 0.8), (0.4, 1.2)])
@pytest.mark.parametrize("container", CONTAINERS)
def test_streams_that_begin_at_other_times(flash_and_beep, container, pictures_late, sound_late):
    """Also in containers whose clock ffmpeg sets to the first stream that it is asked for."""
    video = flash_and_beep(container, None, pictures_late, sound_late)
    seen = flashes(read_frames(video, sound_start(video)))
    assert seen == pytest.approx([25 * (FLASH - sound_late)], abs=1.5)


def test_a_clock_that_begins_anywhere(ffmpeg, flash_and_beep, tmp_path):
    """Recordings of broadcasts begin at the time of day."""
    video = flash_and_beep("ts", None, 0.4)
    later = tmp_path / "later.ts"
    ffmpeg("-i", video, "-c", "copy", "-output_ts_offset", "40000", later)
    assert sound_start(later) == pytest.approx(sound_start(video), abs=0.01)
    assert flashes(read_frames(later)) == flashes(read_frames(video))


def test_joined_recordings_follow_each_other(flash_and_beep, tmp_path):
    """The clock of the second begins anew."""
    one = flash_and_beep("ts")
    both = tmp_path / "both.ts"
    both.write_bytes(2 * one.read_bytes())
    first, second = flashes(read_frames(both))
    assert (first, second) == pytest.approx((75, 75 + 125), abs=3)


def test_an_edit_list(ffmpeg, flash_and_beep, tmp_path):
    """A cut that copies what was encoded keeps pictures before its start, which are not to be seen."""
    video, cut = flash_and_beep("mp4"), tmp_path / "cut.mp4"
    ffmpeg("-ss", "1", "-i", video, "-c", "copy", cut)
    seen = flashes(read_frames(cut, sound_start(cut)))
    assert seen == pytest.approx([25 * (FLASH - 1)], abs=1.5)


def test_frames_start_where_asked(flash_and_beep):
    video = flash_and_beep("mkv")
    for start in (-0.4, 0.0, 1.0):
        assert flashes(read_frames(video, start)) == [round(25 * (FLASH - start))]
    np.testing.assert_array_equal(list(read_frames(video, 1.0, most=2)), list(read_frames(video))[25:27])


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("stream", ["pictures", "sound"])
def test_a_long_gap_of_one_stream_is_no_shift(ffmpeg, tmp_path, container, stream):
    """ffmpeg by itself closes gaps above ten seconds in some containers, of each stream alone."""
    video, kept = tmp_path / f"video.{container}", "not(between(t,4,17))"
    select = {"pictures": ("-vf", f"select='{kept}'"), "sound": ("-af", f"aselect='{kept}'")}[stream]
    inputs = ("-f", "lavfi", "-i", "testsrc=s=32x32:r=25:d=20", "-f", "lavfi", "-i", "sine=r=16000:d=20")
    codecs = ("-c:v", "mpeg2video" if container == "ts" else "libx264", "-pix_fmt", "yuv420p", "-c:a", "mp2")
    ffmpeg(*inputs, *select, "-fps_mode", "passthrough", *codecs, video)
    assert len(list(read_frames(video))) == pytest.approx(500, abs=2)
    waveform = load_waveform(video)
    assert len(waveform) / SAMPLE_RATE == pytest.approx(20, abs=0.1)
    loud = np.abs(waveform[10 * SAMPLE_RATE : 12 * SAMPLE_RATE]).max() > 0.01
    assert loud == (stream == "pictures")
