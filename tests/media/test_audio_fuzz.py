"""Lengths of recordings of every kind, whole, cut and joined, against ffmpeg's own decode of everything in the file."""

import subprocess

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kdtalker_jax.errors import InputError
from kdtalker_jax.media.audio import load_waveform

pytestmark = pytest.mark.slow

PCM = ("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_alaw", "pcm_mulaw", "adpcm_ms")
BIG_ENDIAN = ("pcm_s8", "pcm_s16be", "pcm_s24be", "pcm_s32be", "pcm_f32be")
KINDS = [  # container, codec, further options
    *(("wav", codec, ()) for codec in (*PCM, "adpcm_ima_wav")),
    *(("wav", codec, ("-rf64", "always")) for codec in PCM[1:5]),
    *(("w64", codec, ()) for codec in PCM[:5]),
    *(("caf", codec, ()) for codec in ("pcm_s16be", "pcm_s16le", "alac", "pcm_f32le")),
    *(("aiff", codec, ()) for codec in BIG_ENDIAN),
    *(("au", codec, ()) for codec in BIG_ENDIAN),
    *(("flac", "flac", options) for options in ((), ("-sample_fmt", "s32"), ("-compression_level", "0"))),
    ("ogg", "libvorbis", ()),
    ("ogg", "flac", ()),
    ("opus", "libopus", ()),
    ("mp3", "libmp3lame", ("-q:a", "4")),
    ("mp3", "libmp3lame", ("-q:a", "4", "-write_xing", "0")),
    ("mp3", "libmp3lame", ("-b:a", "64k", "-write_xing", "0", "-id3v2_version", "0", "-write_id3v1", "1")),
    ("mp2", "mp2", ()),
    ("aac", "aac", ()),
    ("ac3", "ac3", ()),
    ("m4a", "aac", ()),
    ("m4a", "alac", ("-movflags", "+faststart")),
    ("mp4", "aac", ("-movflags", "+frag_keyframe+empty_moov", "-frag_duration", "300000")),
    ("mp4", "libmp3lame", ()),
    ("mov", "pcm_s16be", ()),
    ("mkv", "aac", ()),
    ("mkv", "pcm_s24le", ()),
    ("webm", "libopus", ()),
    ("webm", "libvorbis", ("-live", "1")),
    ("ts", "aac", ()),
    ("ts", "mp2", ()),
    ("mpg", "mp2", ()),
    ("flv", "libmp3lame", ()),
    ("wma", "wmav2", ()),
    ("avi", "libmp3lame", ()),
    ("avi", "pcm_s16le", ()),
    ("3gp", "aac", ()),
    ("nut", "pcm_s16le", ()),
]
RATES = [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000]
LAYOUTS = {"mono": 1, "stereo": 2, "2.1": 3, "quad": 4, "5.0": 5, "5.1": 6, "7.1": 8}


def ffmpeg(*arguments):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False)


def encoded(path, kind, rate, layout, seconds, seed):
    """Bytes of a recording of noise that rises and falls, or None where the kind does not hold such sound."""
    container, codec, options = kind
    samples = round(seconds * rate)
    noise = np.random.default_rng(seed).normal(0, 0.1, (samples, LAYOUTS[layout]))
    loudness = 0.1 + np.abs(np.sin(np.arange(samples) / rate * 3))[:, None]  # bit rates vary
    soundfile.write(path / "source.wav", (noise * loudness).clip(-1, 1), rate, subtype="FLOAT")
    target = path / f"encoded.{container}"
    done = ffmpeg("-channel_layout", layout, "-i", path / "source.wav", "-c:a", codec, *options, target)
    return target.read_bytes() if done.returncode == 0 else None


def decoded_seconds(file):
    """What a whole decode by ffmpeg gives: samples at 16 kHz, whatever the timestamps say."""
    output = ffmpeg("-i", file, "-map", "0:a:0", "-af", "asetpts=NAN", "-ac", "1", "-ar", "16000", "-f", "f32le", "-")
    return len(output.stdout) // 4 / 16_000


def check(file, tolerance):
    expected = decoded_seconds(file)
    try:
        waveform = load_waveform(file)
    except InputError:
        assert expected < 0.05, f"ffmpeg decodes {expected} s"
    else:
        assert abs(len(waveform) / 16_000 - expected) < tolerance
        assert np.isfinite(waveform).all()


SETTINGS = settings(
    max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
RECORDINGS = {
    "kind": st.sampled_from(KINDS),
    "rate": st.sampled_from(RATES),
    "layout": st.sampled_from(["mono", "stereo"]) | st.sampled_from(list(LAYOUTS)),
    "seconds": st.floats(0.3, 4),
}


@SETTINGS
@given(**RECORDINGS)
def test_whole_recordings(tmp_path, kind, rate, layout, seconds):
    if (data := encoded(tmp_path, kind, rate, layout, seconds, 0)) is not None:
        (tmp_path / "whole").write_bytes(data)
        check(tmp_path / "whole", 0.002)


@SETTINGS
@given(**RECORDINGS, kept=st.floats(0.05, 0.999))
def test_recordings_that_are_cut(tmp_path, kind, rate, layout, seconds, kept):
    """One frame of video is allowed: the last piece may be half there."""
    if (data := encoded(tmp_path, kind, rate, layout, seconds, 0)) is not None:
        (tmp_path / "cut").write_bytes(data[: int(len(data) * kept)])
        check(tmp_path / "cut", 0.04)


@pytest.mark.filterwarnings("ignore:.* is followed in its file by another:UserWarning")  # as some of these are
@SETTINGS
@given(**RECORDINGS, other=st.floats(0.3, 4))
def test_recordings_that_are_joined(tmp_path, kind, rate, layout, seconds, other):
    """By the bytes, as servers of speech and recorders do. A tenth of a second is allowed for clocks that disagree."""
    assume("+frag_keyframe+empty_moov" not in kind[2])  # such pieces are decoded by the wrong headers, into noise
    first = encoded(tmp_path, kind, rate, layout, seconds, 0)
    second = encoded(tmp_path, kind, rate, layout, other, 1)
    if first is not None and second is not None:
        (tmp_path / "joined").write_bytes(first + second)
        check(tmp_path / "joined", 0.1)
