"""Which sound of a file is heard, and by which clock: one answer for the waveform and for the sound of videos."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from kdtalker_jax.errors import InputError
from kdtalker_jax.media.ffmpeg import READ_STDIN, FFmpeg

# Files of these kinds say when each piece of sound is due. In all others, such as mp3, sound follows sound.
_WITH_CLOCK = ("mov", "matroska", "mpegts", "mpeg", "flv", "asf", "ogg", "nut", "mxf")
_LONGEST_PAUSE = 3600  # seconds; beyond is a damaged clock, whose silence would fill the memory
_JITTER = 0.02  # seconds, half a video frame: clocks are rounded, and those of live recordings tremble

# Gives each piece of sound its place, in samples: behind the last one, or later where the clock leaves a gap. Sound is
# never dropped: where the clock runs late or back a little the sound goes on, and a pause may make up for it. Where it
# leaps, as between files that were joined, it is set to where the sound is. Registers: 0 where sound has come to,
# 1 what is added to the clock, 2 where the piece is due, 3 the gap before it in seconds, 4 its place.
_PLACE = (
    "asetpts='st(2,if(isnan(PTS),ld(0),PTS+ld(1)));if(eq(N,0),st(0,ld(2)));st(3,(ld(2)-ld(0))*TB);"
    "if(lt(ld(3),-1)+gt(ld(3),{longest}),st(1,ld(1)+ld(0)-ld(2)));"
    "st(4,if(gt(ld(3),{jitter})*lte(ld(3),{longest}),ld(2),ld(0)));st(0,ld(4)+NB_SAMPLES/SR/TB);round(ld(4))'"
)
ONE_PIECE = ("-frames:a", "1", "-f", "framecrc")  # output whose text `first_time` reads
_FILL_GAPS = "aresample=async=1:min_hard_comp=0.001"  # changes nothing where pieces follow each other


MOST_CHANNELS = 64  # that ffmpeg mixes


def check_channels(channels: int, name: str) -> None:
    """Raises InputError where so many cannot be mixed for a video's sound."""
    if channels > MOST_CHANNELS:
        raise InputError(f"{name} has {channels} channels, more than {MOST_CHANNELS}: mix it to one or two first.")


@dataclass(frozen=True)
class Sound:
    """What ffmpeg's command line says of the sound in a file.

    Attributes:
        stream: for `-map`, without the number of the input.
        filters: for `-af`: gaps of the file's clock become silence, so that sound and pictures stay together.
        unplaced: how many channels it has where nothing says which is left and which is right, else 0.
    """

    stream: str
    filters: str
    unplaced: int = 0


def find_sound(path: str | os.PathLike[str]) -> Sound:
    """The first audio stream that its file marks as default, or else the first of all. Reads only the headers."""
    arguments = ("-loglevel", "info", *READ_STDIN)
    with Path(path).open("rb") as file, FFmpeg(*arguments, stdin=file, stdout=subprocess.PIPE) as ffmpeg:
        ffmpeg.process.stdout.read()  # empty; but how long it may take is watched
        ffmpeg.finish()  # fails: it was given nothing to do
        description = ffmpeg.messages()
    streams = re.findall(r"^  Stream #0:(\d+)\S*: Audio: (?!none)(.*)$", description, re.MULTILINE)
    default = [stream for stream in streams if "(default)" in stream[1]]
    unplaced = re.search(r", (\d+) channels(?! \()", (default or streams)[0][1]) if streams else None
    kind = re.search(r"^Input #0, (\w+)", description, re.MULTILINE)
    longest = _LONGEST_PAUSE if kind and kind[1] in _WITH_CLOCK else 0
    return Sound(
        stream=default[0][0] if default else "a:0",
        filters=f"{_PLACE.format(longest=longest, jitter=_JITTER)},{_FILL_GAPS}",
        unplaced=int(unplaced[1]) if unplaced else 0,
    )


def first_time(framecrc: str) -> float | None:
    """When the first piece of sound begins, in seconds; `framecrc` is what ffmpeg's muxer of that name has written."""
    clock = re.search(r"^#tb 0: (\d+)/([1-9]\d*)$", framecrc, re.MULTILINE)  # seconds per tick
    first = re.search(r"^0, *-?\d+, *(-?\d+),", framecrc, re.MULTILINE)  # stream, dts, pts, ...
    return int(first[1]) * int(clock[1]) / int(clock[2]) if clock and first else None
