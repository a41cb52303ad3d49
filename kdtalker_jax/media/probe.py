"""What a video file says of itself before it is read: where its clock begins, and what its colours mean."""

import re
from dataclasses import dataclass
from fractions import Fraction

from kdtalker_jax.media.ffmpeg import FFmpeg

_MOST_TEXT = 1 << 22  # bytes of messages that are looked at

# Ordinary video: its values are shown as if they were sRGB's, whichever of these it is tagged with.
_PLAIN_PRIMARIES = {"unknown", "bt709", "smpte170m", "bt470bg", "smpte240m", "ebu3213"}
_PLAIN_TRANSFERS = {"unknown", "bt709", "smpte170m", "smpte240m", "iec61966-2-1", "iec61966-2-4", "bt1361e"} | {
    "bt2020-10", "bt2020-12", "smpte428"
}  # fmt: skip
_HDR = {"smpte2084", "arib-std-b67"}
_LIGHT_OF = {*_HDR, "linear", "log100", "log316", "bt470m", "bt470bg", "iec61966-2-1"}  # others: as of BT.709
_SWSCALE_LACKS = {"ycgco", "bt2020c", "ictcp", "chroma-derived-nc", "chroma-derived-c"}  # matrices
_YUV = re.compile(r"yuv|nv\d|p[024]1|uyvy|uyyvyy|yvyu|y21|xv|ayuv|vuy|vyu|v30")  # names of pixel formats

# White of HDR is at 203 nits (ITU-R BT.2408); brighter lights are clipped, in their own hue. HLG's system gamma is
# taken for each colour of its own, as zscale does by default, and so do the tools that are made of it.
_TO_SRGB = (
    "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=clip:desat=0,"
    "zscale=t=iec61966-2-1:m=gbr:r=pc,format=gbrp"
)


@dataclass(frozen=True)
class FirstPicture:
    """What ffmpeg tells of a video's first picture, in its words; "unknown" where the file has no such tag.

    Attributes:
        time: in ticks, counted from where the file begins; None: it has none.
        pixel_format: such as yuv420p.
        width: in pixels, as stored: before rotation and scaling.
        height: likewise.
        matrix: what makes RGB of Y, U and V.
        primaries: of the RGB.
        transfer: from light to the values of RGB.
    """

    time: int | None
    pixel_format: str
    width: int
    height: int
    matrix: str
    primaries: str
    transfer: str

    def scaling(self, scale: str) -> str:
        """Filters that make sRGB of these pixels, with swscale's `scale` among them, to which options are added."""
        matrix = self._matrix()
        if self._is_shown_as_it_is() and not self.has_rare_matrix():
            return scale if matrix == self.matrix else f"{scale}:in_color_matrix={matrix}"
        meant = f"setparams=color_primaries={self._primaries()}:color_trc={self._transfer()}"
        if self._is_yuv():  # 4:4:4 first, because zscale refuses odd sizes of others; swscale leaves this matrix alone
            known = "smpte170m" if matrix == "unknown" else matrix
            scale = f"setparams=colorspace=bt709,{scale},format=yuv444p16le,{meant}:colorspace={known}"
        else:
            scale = f"{scale},format=gbrp16le,{meant}:colorspace=gbr"
        return f"{scale},zscale=m=gbr:r=pc,format=gbrp16le" if self._is_shown_as_it_is() else f"{scale},{_TO_SRGB}"

    def has_rare_matrix(self) -> bool:
        """Whether swscale refuses these pixels."""
        return self.matrix in _SWSCALE_LACKS

    def _is_yuv(self) -> bool:
        return _YUV.match(self.pixel_format) is not None

    def _is_shown_as_it_is(self) -> bool:
        own_gamma = self.transfer == self.primaries  # of a television standard
        return own_gamma or (self.primaries in _PLAIN_PRIMARIES and self.transfer in _PLAIN_TRANSFERS)

    def _matrix(self) -> str:
        """By the rule of players where the file does not tell."""
        if self.matrix != "unknown" or not self._is_yuv():
            return self.matrix
        if self._primaries() == "bt2020":
            return "bt2020nc"
        return "bt709" if self.width >= 1280 or self.height >= 720 else "unknown"

    def _primaries(self) -> str:
        if self.primaries != "unknown":
            return self.primaries
        return "bt2020" if self.transfer in _HDR else "bt709"

    def _transfer(self) -> str:
        return self.transfer if self.transfer in _LIGHT_OF else "bt709"


class Probe(FFmpeg):
    """A short run of ffmpeg whose messages are of interest: give it `-loglevel info` and, for times, `-copyts`."""

    def text(self) -> str:
        """All messages; only after `finish`."""
        self._messages.seek(0)
        return self._messages.read(_MOST_TEXT).decode(errors="replace")


def beginning(text: str) -> float:
    """Where a file's clock begins, in seconds: the first timestamp of any of its streams. `text`: see `Probe`."""
    start = re.search(r"^ *Duration: [^,\n]+, start: (-?\d+\.\d+)", text, re.MULTILINE)
    return float(start[1]) if start else 0.0


def mean_rate(text: str) -> Fraction | None:
    """Frames a second on the whole, to two digits, of the first stream of pictures that is no cover. `text`: see
    `Probe`."""
    said = re.search(r"^ *Stream #.*: Video: (?!.*\(attached pic\)).* ([\d.]+) fps,", text, re.MULTILINE)
    return Fraction(said[1]) if said else None


def first_picture(text: str) -> FirstPicture | None:
    """What ffmpeg's filter `showinfo` says of the first picture; None: there was none. `text`: see `Probe`."""
    said = "".join(re.findall(r"^\[Parsed_showinfo[^]]*\] (.*\n)", text, re.MULTILINE))
    clock = re.search(r"^config in time_base: (\d+)/([1-9]\d*)", said)
    picture = re.search(r"^n: *0 pts: *(\S+) .* fmt:(\S+) .*s:(\d+)x(\d+) ", said, re.MULTILINE)
    tags = re.search(r"^color_range:\S+ color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)", said, re.MULTILINE)
    if not (clock and picture and tags):
        return None
    ticks_before = round(beginning(text) * int(clock[2]) / int(clock[1]))
    time = None if picture[1] == "NOPTS" else int(picture[1]) - ticks_before
    tags = (re.sub("^reserved$", "unknown", tag) for tag in tags.groups())
    return FirstPicture(time, picture[2], int(picture[3]), int(picture[4]), *tags)
