"""How a video is encoded: by the name of its file, and by what was asked for."""

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from kdtalker_jax.checks import is_whole
from kdtalker_jax.errors import OutputError

# OpenCV and old players convert back with BT.601 whatever the file says, so that matrix is used, and the file says so.
_MATRIX = "scale=out_color_matrix=smpte170m:out_range=tv,format="
_TAGS = ",setparams=range=tv:colorspace=smpte170m:color_primaries=bt709:color_trc=bt709"
_X264 = ("-vf", f"{_MATRIX}yuv420p{_TAGS}", "-c:v", "libx264", "-preset", "medium", "-crf")
ENCODING = (*_X264, "18")

_PALETTE = "split[a][b];[a]palettegen=stats_mode=single{}[p];[b][p]paletteuse=new=1"  # of each frame: one is held


@dataclass(frozen=True)
class Codec:
    """What encodes frames.

    Attributes:
        arguments: of ffmpeg for opaque frames; where there is a quality, it is the last one's value.
        alpha: the same for frames with alpha; None: it holds none.
        sound: what encodes the sound beside it; None: it is a silent format.
        quality: by default, as the encoder counts; None: it has none. worst: the other end, 100 for those whose best is
            100, else the best is 1.
        alone: extension of a file of its frames without the sound.
        fastest: frames a second. even: both sides have to be.
    """

    arguments: tuple[str, ...]
    alpha: tuple[str, ...] | None = None
    sound: str | None = "aac"
    quality: int | None = None
    worst: int = 51
    alone: str = ".mp4"
    fastest: int = 240
    even: bool = True


def _yuv(pixels: str, *arguments: str) -> tuple[str, ...]:
    return ("-vf", f"{_MATRIX}{pixels}{_TAGS}", *arguments)


_VP9 = ("-c:v", "libvpx-vp9", "-b:v", "0", "-deadline", "good", "-cpu-used", "4", "-row-mt", "1")
_PRORES = ("-c:v", "prores_ks", "-profile:v", "4444", "-vendor", "apl0")
_WEBP = ("-c:v", "libwebp", "-loop", "0", "-quality")  # ffmpeg's libwebp_anim forgets alpha
_GIF = ("-c:v", "gif", "-loop", "0")

CODECS = {
    "h264": Codec(_X264, quality=18),
    "hevc": Codec(
        _yuv("yuv420p", "-c:v", "libx265", "-x265-params", "log-level=error", "-tag:v", "hvc1", "-crf"), quality=20
    ),
    "vp9": Codec(
        _yuv("yuv420p", *_VP9, "-crf"),
        _yuv("yuva420p", *_VP9, "-auto-alt-ref", "0", "-crf"),
        sound="libopus",
        quality=24,
        worst=63,
        alone=".webm",
    ),
    "prores": Codec(_yuv("yuv444p10le", *_PRORES), _yuv("yuva444p10le", *_PRORES), alone=".mov"),
    "gif": Codec(
        ("-vf", _PALETTE.format(":reserve_transparent=0"), *_GIF),
        ("-vf", _PALETTE.format(""), *_GIF),
        None,
        fastest=50,
        even=False,
    ),
    "webp": Codec(("-vf", "format=yuv420p", *_WEBP), ("-vf", "format=yuva420p", *_WEBP), None, quality=80, worst=100),
    "png": Codec(("-c:v", "png"), ("-c:v", "png"), None, even=False),
}
# By extension, ffmpeg's name of the container, and what it holds; the first by default.
CONTAINERS = {
    ".mp4": ("mp4", ("h264", "hevc")),
    ".m4v": ("mp4", ("h264", "hevc")),
    ".mov": ("mov", ("h264", "hevc", "prores")),
    ".mkv": ("matroska", ("h264", "hevc", "vp9", "prores")),
    ".webm": ("webm", ("vp9",)),
    ".gif": ("gif", ("gif",)),
    ".webp": ("webp", ("webp",)),
    "/": ("image2", ("png",)),
}
HOLD_ALPHA = ".webm, .mov, .webp, .gif or a folder of PNG (a name that ends in /)"


def kind_of(path: str | os.PathLike[str]) -> str:
    """The extension of a name, or "/" of one that ends so, or of a folder that is there: a PNG for each frame.

    Raises:
        OutputError: nothing is written under such names.
    """
    text, suffix = os.fspath(path), Path(path).suffix.lower()
    if suffix in CONTAINERS and not text.endswith("/"):
        return suffix
    try:
        if text.endswith(("/", os.sep)) or Path(path).is_dir():
            return "/"
    except ValueError:  # a null character
        pass
    names = ", ".join(name for name in CONTAINERS if name != "/")
    raise OutputError(f"The output {path} must end in one of {names}, or in / for a folder of pictures.")


@dataclass(frozen=True)
class Encoding:
    """How frames become a file.

    Attributes:
        kind: of the name, a key of `CONTAINERS`.
        codec: a key of `CODECS`. quality: as its encoder counts. alpha: whether frames have it.
    """

    kind: str
    codec: str
    quality: int | None = None
    alpha: bool = False

    @property
    def channels(self) -> int:
        return 4 if self.alpha else 3

    @property
    def sound(self) -> str | None:
        """What encodes sound; None: there is none."""
        return CODECS[self.codec].sound

    @property
    def even(self) -> bool:
        return CODECS[self.codec].even

    @property
    def container(self) -> str:
        return CONTAINERS[self.kind][0]

    @property
    def alone(self) -> str:
        return CODECS[self.codec].alone

    def arguments(self) -> tuple[str, ...]:
        """Of ffmpeg, for the frames."""
        codec = CODECS[self.codec]
        arguments = codec.alpha if self.alpha else codec.arguments
        return arguments if self.quality is None else (*arguments, str(self.quality))


def encoding_of(
    path: str | os.PathLike[str],
    *,
    codec: str | None = None,
    quality: int | None = None,
    alpha: bool = False,
    frame_rate: int | Fraction = 25,
) -> Encoding:
    """How a file of this name is written.

    Args:
        path: the video to be.
        codec: one of those that its container holds; by default the first, or the first that holds alpha.
        quality: from 1, the smallest file, to 100; by default what no eye tells from the frames, nearly.
        alpha: frames have four channels.
        frame_rate: frames a second.

    Raises:
        OutputError: the file cannot be like that.
    """
    kind = kind_of(path)
    held = CONTAINERS[kind][1]
    if codec is not None and codec not in held:
        raise OutputError(f"{_named(kind)} holds {' or '.join(held)}, not `codec={codec}`: name the output otherwise.")
    chosen = [name for name in held if codec in (None, name) and (CODECS[name].alpha or not alpha)]
    if not chosen:
        raise OutputError(f"{codec or _named(kind)} holds no transparency: write to {HOLD_ALPHA}.")
    known = CODECS[chosen[0]]
    if frame_rate > known.fastest:
        raise OutputError(
            f"{_named(kind)} has at most {known.fastest} frames a second, not `fps={frame_rate}`: ask for fewer."
        )
    if quality is not None:
        if known.quality is None:
            raise OutputError(f"{chosen[0]} loses nothing or has no choice of it: leave `quality` out.")
        if not is_whole(quality, 1, 100):
            raise OutputError(f"`quality` must be a whole number from 1 to 100, not {quality!r}.")
    return Encoding(kind, chosen[0], _counted(known, quality), alpha)


def _counted(codec: Codec, quality: int | None) -> int | None:
    """A quality of 1 to 100 as the encoder counts."""
    if quality is None or codec.worst == 100:
        return quality or codec.quality
    return max(round(codec.worst * (1 - quality / 100)), 1)


def _named(kind: str) -> str:
    return "A folder of pictures" if kind == "/" else kind
