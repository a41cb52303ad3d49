"""All of a recording is heard and written, whatever its header says of its length."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kdtalker_jax.errors import InputError
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.video import VideoWriter


@pytest.fixture
def encode(tmp_path, tone, ffmpeg):
    """Bytes of a recording: (name, seconds, rate, channels, options of ffmpeg)."""

    def make(name, seconds, rate=44_100, channels=1, *options):
        soundfile.write(tmp_path / "source.wav", tone(seconds, rate, channels), rate)
        ffmpeg("-i", tmp_path / "source.wav", *options, tmp_path / name)
        return (tmp_path / name).read_bytes()

    return make


def written_seconds(path, frames, ffmpeg):
    """How long the sound lasts until it falls silent, in a video of so many frames."""
    with VideoWriter(path.with_suffix(".mkv"), path) as writer:
        writer.write(np.zeros((frames, 16, 16, 3), np.uint8))
    ffmpeg("-i", path.with_suffix(".mkv"), path.with_suffix(".out.wav"))
    sound, rate = soundfile.read(path.with_suffix(".out.wav"), always_2d=True)
    assert abs(len(sound) / rate - frames / 25) < 0.05
    return np.flatnonzero(np.abs(sound[:, 0]) > 0.02)[-1] / rate


JOINED = ["a.mp3", "a.ogg", "a.opus", "a.flac", "a.oga", "a.aac", "a.ts", "a.mp2", "a.webm"]


@pytest.mark.parametrize("name", JOINED)
def test_files_joined_by_their_bytes_are_heard_and_written_to_the_end(tmp_path, encode, ffmpeg, name):
    path = tmp_path / f"joined.{name[2:]}"
    path.write_bytes(encode(name, 2.4) + encode(f"b{name[1:]}", 1.1))
    heard = len(load_waveform(path)) / 16_000
    assert 3.49 < heard < 3.67  # encoders pad
    assert written_seconds(path, 100, ffmpeg) == pytest.approx(heard, abs=0.1)


def test_joined_mp3_of_another_rate_and_other_channels(tmp_path, encode, ffmpeg):
    path = tmp_path / "joined.mp3"
    path.write_bytes(encode("a.mp3", 2.4, 48_000, 1) + encode("b.mp3", 1.1, 44_100, 2))
    assert 3.49 < len(load_waveform(path)) / 16_000 < 3.6
    assert written_seconds(path, 100, ffmpeg) == pytest.approx(3.5, abs=0.1)


@pytest.mark.parametrize("other", [("b.ogg", 44_100, 2), ("b.ogg", 48_000, 1), ("b.opus", 48_000, 1)])
def test_joined_ogg_that_changes_is_not_heard_in_part(tmp_path, encode, other):
    """ffmpeg stops where rate, channels or codec change, without an error."""
    name, rate, channels = other
    (tmp_path / "joined.ogg").write_bytes(encode("a.ogg", 2.4) + encode(name, 1.1, rate, channels))
    with pytest.raises(InputError, match=r"joined\.ogg changes its rate, channels or codec on the way"):
        load_waveform(tmp_path / "joined.ogg")


def test_mp3_without_a_header_of_its_length(tmp_path, tone, ffmpeg):
    """Its bit rate varies, so that the first frames tell little about the rest."""
    samples = tone(20, 44_100)
    samples[: 44_100 * 2] = 0
    soundfile.write(tmp_path / "a.wav", samples, 44_100)
    ffmpeg("-i", tmp_path / "a.wav", "-q:a", "2", "-write_xing", "0", tmp_path / "a.mp3")
    assert len(load_waveform(tmp_path / "a.mp3")) / 16_000 == pytest.approx(20, abs=0.1)


def test_flac_that_does_not_know_its_length(tmp_path, encode):
    data = bytearray(encode("a.flac", 3))
    data[21] &= 0xF0
    data[22:26] = bytes(4)  # total samples in STREAMINFO
    (tmp_path / "b.flac").write_bytes(data)
    np.testing.assert_array_equal(load_waveform(tmp_path / "b.flac"), load_waveform(tmp_path / "a.flac"))


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
@pytest.mark.parametrize("options", [(), ("-c:a", "pcm_s24le"), ("-rf64", "always")])
def test_wav_headers_of_streams(tmp_path, encode, size, options):
    data = bytearray(encode("a.wav", 3, 44_100, 1, *options))
    start = data.index(b"data") + 4
    data[start : start + 4] = size.to_bytes(4, "little")
    (tmp_path / "b.wav").write_bytes(data)
    np.testing.assert_array_equal(load_waveform(tmp_path / "b.wav"), load_waveform(tmp_path / "a.wav"))


@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.au", "a.caf", "a.w64"])
def test_plain_samples_are_the_same_through_both_readers(tmp_path, encode, name):
    """Whatever follows the samples sends the file to ffmpeg."""
    for codec in ("pcm_s16le", "pcm_s24le", "pcm_f32le"):
        order = "be" if name in ("a.aiff", "a.au") else "le"
        data = encode(name, 1, 22_050, 2, "-c:a", codec[:-2] + order)
        (tmp_path / "b").write_bytes(data + b"LIST\x04\0\0\0abcd" if name == "a.wav" else data)
        np.testing.assert_array_equal(load_waveform(tmp_path / "b"), load_waveform(tmp_path / name))


def test_a_wav_behind_a_wav_is_not_passed_over_in_silence(tmp_path, encode):
    """The format ends where its header says, for every program."""
    data = encode("a.wav", 1)
    (tmp_path / "joined.wav").write_bytes(data + data)
    with pytest.warns(UserWarning, match=r"joined\.wav is followed in its file by another"):
        assert len(load_waveform(tmp_path / "joined.wav")) == 16_000
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_waveform(tmp_path / "a.wav")


MEASURE = """
import sys
from kdtalker_jax.media.audio import load_waveform
peak = lambda: 1024 * int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])
load_waveform(sys.argv[1])
before = peak()
result = load_waveform(sys.argv[2])
print((peak() - before) / result.nbytes)
"""


@pytest.mark.parametrize("name", ["long.wav", "long.mp3"])
def test_a_long_recording_takes_little_more_than_its_result(tmp_path, ffmpeg, encode, name):
    """Half an hour, 115 MB as float32."""
    if not Path("/proc/self/status").exists():
        pytest.skip("needs /proc to measure a program's memory")
    encode(name.replace("long", "a"), 1)
    ffmpeg("-f", "lavfi", "-i", "sine=d=1800:r=16000", "-b:a", "32k", tmp_path / name)
    command = [sys.executable, "-c", MEASURE, tmp_path / name.replace("long", "a"), tmp_path / name]
    times = float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert 0.9 < times < 1.2
