"""Video in: any video file becomes upright RGB frames, 25 a second by the file's own clock."""

import os
import re
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from kdtalker_jax.errors import InputError
from kdtalker_jax.media.audio import NO_AUDIO_STREAM
from kdtalker_jax.media.ffmpeg import READ_STDIN, FFmpeg
from kdtalker_jax.media.files import input_file
from kdtalker_jax.media.probe import FirstPicture, Probe, beginning, first_picture, mean_rate
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.media.sound import ONE_PIECE, find_sound, first_time

LONGEST_SIDE = 2048  # pixels; larger pictures are reduced, because each is held in memory as it is

_MOST_PIXELS = str(1 << 26)  # of a picture as it is stored: 8192 x 8192
_READ = ("-max_pixels", _MOST_PIXELS, *READ_STDIN)
_UNREADABLE = "{} is not a video that can be read; use mp4, mov, mkv, webm or avi."
_NO_PICTURES = "{} has no pictures; choose a video."
_VIDEO = ("-map", "0:V:0")  # V: not the cover of an album
_SQUARE_PIXELS = "scale=w='iw*sar*min(1,{0}/max(iw*sar,ih))':h='ih*min(1,{0}/max(iw*sar,ih))'"
_EXACT, _AS_OPENCV = ":flags=bicubic+accurate_rnd+full_chroma_int", ":flags=bicubic"
_FAR_OFF = Fraction(11, 10)  # ffmpeg guesses higher rates where they vary; cameras lose a picture now and then
_SAY_ALL = ("-loglevel", "info", "-copyts")


def read_frames(
    path: str | os.PathLike[str],
    start: float | None = 0.0,
    most: int | None = None,
    *,
    as_opencv: bool = False,
    rate: Fraction = Fraction(FRAME_RATE),
    longest: int = LONGEST_SIDE,
) -> Iterator[np.ndarray]:
    """Decode a video as it is looked at: 25 frames a second, upright, square pixels, no side above `longest`.

    Resampled by time: frame k is the one nearest to `start` + k / `rate` seconds, whatever the rate of the file and
    also where it varies, so that an hour stays in step with its sound; where pictures were lost the last one is held.
    Colours become sRGB, those of HDR and wide gamuts too. One frame is held at a time.

    Args:
        path: a video file of any container and codec that ffmpeg knows.
        start: where on the file's clock frame 0 lies, in seconds; see `sound_start`. Where the pictures
            begin later, the first one is repeated. None: at the first picture.
        most: stop after so many frames.
        as_opencv: take colours as OpenCV's VideoCapture does, a level or two too dark and by the tagged matrix alone,
            for numbers that are compared with published ones which were measured through it.
        rate: frames a second.
        longest: in pixels; what is larger is reduced.

    Yields:
        uint8 RGB (H, W, 3), all of one size.

    Raises:
        InputError: the file is missing, empty, not a video, without pictures, or too damaged to decode.
    """
    path = input_file(path, "video")
    first = _first_picture(path)
    limit = () if most is None else ("-frames:v", str(most))
    clock = "setpts=PTS-STARTPTS," if start is None else _on_file_clock(first)
    filters = f"{clock}fps={rate}:start_time={start or 0:.6f},{_scaling(first, as_opencv, longest)}"
    output = (*_VIDEO, "-vf", filters, "-fps_mode", "passthrough", *limit, "-c:v", "ppm", "-f", "image2pipe", "pipe:1")
    with path.open("rb") as file, FFmpeg(*_READ, *output, stdin=file, stdout=subprocess.PIPE) as ffmpeg:
        frames = 0
        while (frame := _read_ppm(ffmpeg.process.stdout)) is not None:
            yield frame
            frames += 1
        if ffmpeg.finish() or not frames:
            damaged = f"The video {path} is damaged; save it again, for example as mp4."
            raise InputError(damaged) if frames else _unreadable(path, ffmpeg, _NO_PICTURES)


def frame_rate(path: str | os.PathLike[str]) -> float:
    """`exact_rate`, rounded."""
    return float(exact_rate(path))


def exact_rate(path: str | os.PathLike[str]) -> Fraction:
    """Frames per second that a video file has, or has on the whole where its rate varies.

    Raises:
        InputError: as `read_frames`.
    """
    path = input_file(path, "video")
    output = (*_VIDEO, "-frames:v", "1", "-pix_fmt", "gray", "-f", "yuv4mpegpipe", "pipe:1")
    text, said = _run(path, _NO_PICTURES, "-loglevel", "info", *output)  # YUV4MPEG2 W512 H512 F30000:1001 ...
    rate = re.search(r" F([1-9]\d*):([1-9]\d*)", text)
    if rate is None:
        raise InputError(_UNREADABLE.format(path))
    rate, mean = Fraction(int(rate[1]), int(rate[2])), mean_rate(said)
    return mean if mean and rate > _FAR_OFF * mean else rate


def sound_start(path: str | os.PathLike[str]) -> float:
    """Where on a video file's clock its first audio sample lies, in seconds: the first one of `load_waveform`.

    Raises:
        InputError: the file is unreadable or has no audio stream.
    """
    path = input_file(path, "video")
    output = (*_SAY_ALL, "-map", f"0:{find_sound(path).stream}", *ONE_PIECE, "pipe:1")
    text, said = _run(path, NO_AUDIO_STREAM, *output)
    start = first_time(text)
    if start is None:
        raise InputError(f"The sound of {path} is damaged; save it again, for example as mp4.")
    return start - beginning(said)


def _first_picture(path: Path) -> FirstPicture:
    output = (*_VIDEO, "-vf", "showinfo", "-frames:v", "1", "-fps_mode", "passthrough", "-f", "framecrc", "pipe:1")
    _, said = _run(path, _NO_PICTURES, *_SAY_ALL, *output, before=("-noautorotate",))
    first = first_picture(said)
    if first is None:
        raise InputError(_UNREADABLE.format(path))
    return first


def _on_file_clock(first: FirstPicture) -> str:
    """A filter, because ffmpeg counts some containers' time (MPEG-TS) from the first picture: sound may be earlier."""
    return "" if first.time is None else f"setpts=PTS-STARTPTS+{first.time},"


def _scaling(first: FirstPicture, as_opencv: bool, longest: int) -> str:
    """Filters that make square pixels of sRGB, reduced to `longest`. OpenCV heeds the matrix alone, if tagged."""
    square = _SQUARE_PIXELS.format(longest)
    if as_opencv and not first.has_rare_matrix():
        return f"{square}{_AS_OPENCV},setsar=1,format=rgb24"
    return f"{first.scaling(square + _EXACT)},setsar=1,format=rgb24"


def _run(path: Path, lacking: str, *output: str, before: tuple[str, ...] = ()) -> tuple[str, str]:
    """What ffmpeg writes about a file, as text that is not empty, and its messages. `lacking`: see `_unreadable`."""
    with path.open("rb") as file, Probe(*before, *_READ, *output, stdin=file, stdout=subprocess.PIPE) as ffmpeg:
        text = ffmpeg.process.stdout.read().decode(errors="replace")
        ffmpeg.finish()
        if not text:
            raise _unreadable(path, ffmpeg, lacking)
        return text, ffmpeg.text()


def _read_ppm(stream: BinaryIO) -> np.ndarray | None:
    """The next picture of a stream of binary PPM files, which carry their size; None at its end."""
    if not stream.readline():
        return None
    width, height = map(int, stream.readline().split())
    stream.readline()  # the greatest value
    data = stream.read(width * height * 3)
    return np.frombuffer(data, np.uint8).reshape(height, width, 3) if len(data) == width * height * 3 else None


def _unreadable(path: Path, ffmpeg: FFmpeg, lacking: str) -> InputError:
    """Why nothing came out; `lacking` is the sentence for a file without a stream of the kind asked for."""
    return InputError((lacking if ffmpeg.lacks_stream() else _UNREADABLE).format(path))
