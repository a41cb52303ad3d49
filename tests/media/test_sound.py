"""Which sound is heard and written, and where: gaps of the clock are silence, the default track is taken."""

import numpy as np
import pytest
import soundfile

from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.frames import sound_start
from kdtalker_jax.media.video import VideoWriter


@pytest.fixture
def gapped(tmp_path, tone, ffmpeg):
    """A recording of 4 s that has lost its packets between two times, and the recording without the loss."""

    def make(name, codec, start, end):
        soundfile.write(tmp_path / "a.wav", tone(4, 48_000), 48_000)
        whole, lossy = tmp_path / f"whole.{name}", tmp_path / f"lossy.{name}"
        ffmpeg("-i", tmp_path / "a.wav", "-c:a", codec, whole)
        ffmpeg("-i", whole, "-c", "copy", "-bsf:a", f"noise=drop=gt(pts*tb\\,{start})*lt(pts*tb\\,{end})", lossy)
        return whole, lossy

    return make


def heard_in_video(recording, seconds):
    with VideoWriter(recording.with_suffix(".out.mkv"), recording) as writer:
        writer.write(np.zeros((25 * seconds, 16, 16, 3), np.uint8))
    return load_waveform(recording.with_suffix(".out.mkv"))


CLOCKED = [
    ("webm", "libopus"),
    ("mkv", "libmp3lame"),
    ("mkv", "pcm_s16le"),
    ("mp4", "aac"),
    ("ts", "aac"),
    ("ogg", "libvorbis"),
    ("opus", "libopus"),
    ("flv", "aac"),
    ("wma", "wmav2"),
]


def lag(part, whole):
    """Samples by which part of `whole` lies late, from the peak of their correlation."""
    correlation = np.fft.irfft(np.fft.rfft(part) * np.conj(np.fft.rfft(whole)))
    return (int(correlation.argmax()) + len(part) // 2) % len(part) - len(part) // 2


@pytest.mark.parametrize(("name", "codec"), CLOCKED)
def test_lost_packets_become_silence(gapped, name, codec):
    """Clocks count milliseconds in some files; Ogg has one time for many packets, so that the silence may shift."""
    whole, lossy = map(load_waveform, gapped(name, codec, 1.5, 2.4))
    assert abs(len(whole) - len(lossy)) < 160
    if name not in ("ogg", "opus"):
        assert np.abs(lossy[28_000:36_000]).max() < 0.02
        assert abs(lag(lossy[40_000:60_000], whole[40_000:60_000])) <= 16
    assert lag(lossy[:22_000], whole[:22_000]) == 0
    assert abs(lag(lossy[56_000:62_000], whole[56_000:62_000])) <= 16
    assert 0.7 < np.count_nonzero(np.abs(lossy) < 1e-4) / 16_000 < 1.1


@pytest.mark.parametrize(("name", "codec"), [("webm", "libopus"), ("mp4", "aac")])
def test_the_video_has_the_silence_where_the_waveform_has_it(gapped, name, codec):
    _, lossy = gapped(name, codec, 1.5, 2.4)
    expected, heard = load_waveform(lossy), heard_in_video(lossy, 4)
    part = min(len(expected), len(heard))
    assert np.corrcoef(expected[:part], heard[:part])[0, 1] > 0.98


def test_a_clock_that_trembles_changes_nothing(tmp_path, tone, ffmpeg):
    """Recorders of live sound stamp packets when they come."""
    soundfile.write(tmp_path / "a.wav", tone(4, 48_000), 48_000)
    ffmpeg("-i", tmp_path / "a.wav", "-c:a", "libopus", tmp_path / "a.mkv")
    trembling = "setts=ts=TS+mod(N*7\\,13)"  # up to 12 ms late
    ffmpeg("-i", tmp_path / "a.mkv", "-c", "copy", "-bsf:a", trembling, tmp_path / "b.mkv")
    np.testing.assert_array_equal(load_waveform(tmp_path / "a.mkv"), load_waveform(tmp_path / "b.mkv"))


def test_no_sound_is_lost_where_the_clock_goes_back(tmp_path, tone, ffmpeg):
    soundfile.write(tmp_path / "a.wav", tone(4, 48_000), 48_000)
    ffmpeg("-i", tmp_path / "a.wav", "-c:a", "libopus", tmp_path / "a.mkv")
    back = "setts=ts=TS-if(gt(N\\,100)\\,{}\\,0)"
    for name, milliseconds in (("b.mkv", 300), ("c.mkv", 1900)):
        ffmpeg("-i", tmp_path / "a.mkv", "-c", "copy", "-bsf:a", back.format(milliseconds), tmp_path / name)
        assert abs(len(load_waveform(tmp_path / name)) - 64_000) < 160


def test_a_damaged_clock_does_not_fill_the_memory_with_silence(tmp_path, tone, ffmpeg):
    soundfile.write(tmp_path / "a.wav", tone(4, 48_000), 48_000)
    leap = "setts=ts=TS+if(gt(N\\,100)\\,90000000\\,0)"  # 25 hours
    ffmpeg("-i", tmp_path / "a.wav", "-c:a", "libopus", tmp_path / "a.mkv")
    ffmpeg("-i", tmp_path / "a.mkv", "-c", "copy", "-bsf:a", leap, tmp_path / "b.mkv")
    assert abs(len(load_waveform(tmp_path / "b.mkv")) - 64_000) < 160


@pytest.mark.parametrize("name", ["two.mkv", "two.mp4", "two.mka"])
@pytest.mark.parametrize("default", [0, 1])
def test_the_track_that_is_marked_as_default(tmp_path, ffmpeg, name, default):
    """A deep note in the first, which begins at once, a high one in the second, which begins later."""
    inputs = ["-f", "lavfi", "-i", "sine=200:d=2:r=16000"]
    inputs += ["-itsoffset", "0.5", "-f", "lavfi", "-i", "sine=3000:d=2:r=16000"]
    marks = [f"-disposition:a:{i}" for i in (1 - default, default)]
    ffmpeg(*inputs, "-map", "0", "-map", "1", "-c:a", "aac", marks[0], "0", marks[1], "default", tmp_path / name)
    for waveform in (load_waveform(tmp_path / name), heard_in_video(tmp_path / name, 2)):
        spectrum = np.abs(np.fft.rfft(waveform[8_000:24_000]))
        assert spectrum.argmax() == pytest.approx((200, 3000)[default], abs=2)
    assert sound_start(tmp_path / name) == pytest.approx(0.5 * default, abs=0.1)
