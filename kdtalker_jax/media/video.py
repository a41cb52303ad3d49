"""Video out: frames stream into a file, H.264 that browsers play or another kind, with the original recording."""

import contextlib
import os
import subprocess
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from kdtalker_jax.errors import InputError, OutputError
from kdtalker_jax.media.audio import NO_AUDIO_STREAM
from kdtalker_jax.media.encodings import Encoding, encoding_of, kind_of
from kdtalker_jax.media.ffmpeg import READ_STDIN, FFmpeg
from kdtalker_jax.media.files import cannot_write, input_file, output_file
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.media.sound import ONE_PIECE, Sound, check_channels, find_sound, first_time
from kdtalker_jax.media.webp import replace_frames
from kdtalker_jax.unfinished import in_one_go, unfinished_folder

_SILENT, _RESULT = "silent", "result"  # in a folder of their own beside the output
_NUMBERED = "%06d.png"  # from 0

# Changes nothing within 60 dB above full scale; AAC fails, at the very end, where a sample is absurd or no number.
_BOUND = "volume=1/1024:precision=float,asoftclip=type=hard,volume=1024:precision=float"
# The layouts that AAC knows by number; others need a description of channels that browsers do not read.
_AAC_LAYOUTS = "mono|stereo|3.0|4.0|5.0|5.1|7.1"


def check_output(path: str | os.PathLike[str], inputs: Iterable[str | os.PathLike[str]] = ()) -> Path:
    """Make sure, before any heavy work, that a video can be written to `path`; creates its folder.

    Args:
        path: the video to be, or where it ends in / the folder of pictures.
        inputs: files that it must not replace, such as the portrait and the recording.

    Returns:
        `path`, absolute.

    Raises:
        OutputError: an unknown extension, a folder or an input of that name, a folder that cannot be written to, or one
            of pictures that holds something.
    """
    if kind_of(path) != "/":
        return output_file(path, "output", inputs)
    path = Path(path).absolute()
    if path.is_symlink():  # nothing can replace a link by a folder
        path = Path(os.path.realpath(path))
    if not path.is_dir():
        path = output_file(path, "output", inputs)
        if path.exists():
            raise OutputError(f"The output {path} is a file where a folder of pictures was asked for; name a new one.")
        return path
    if os.path.ismount(path):
        raise OutputError(f"The output {path} is a mount point, which cannot be replaced; name a folder in it.")
    try:
        with unfinished_folder(path):  # beside it, from where the pictures come at the end
            pass
        if any(path.iterdir()):
            raise OutputError(f"The output {path} is a folder that holds something; name a new one.")
    except OSError as error:
        raise cannot_write(path, error) from error
    return path


class VideoWriter:
    """Writes a video as its frames come, by default of H.264 (yuv420p) and AAC; for use in a `with` block.

    When the block ends well the whole file appears under its name; otherwise nothing appears, and an older file of
    that name stays. Frames go to the encoder at once, so memory does not grow with the video. The recording keeps
    its rate (up to AAC's 96 kHz) and channels, and is cut or padded with silence to the length of the video. Where that
    is known from the beginning, or there is no recording, the disk needs to hold the video once; else twice.

    Args:
        path: as of `check_output`; see `encodings.CONTAINERS`.
        recording: audio or video file whose sound is added, as `load_waveform` hears it; it is only read. Formats
            without sound leave it out.
        inputs: further files that `path` must not replace, such as the portrait.
        frame_rate: frames per second.
        frames: how many will be written, where that is known.
        encoding: of this path, from `encodings.encoding_of`.

    Raises:
        InputError: the recording cannot be read, or has no sound that AAC can hold.
        OutputError: see `check_output`; later on, the encoder's own words, for example when the disk is full.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        recording: str | os.PathLike[str] | None = None,
        inputs: Iterable[str | os.PathLike[str]] = (),
        frame_rate: int | Fraction = FRAME_RATE,
        frames: int | None = None,
        encoding: Encoding | None = None,
    ) -> None:
        self.recording = None if recording is None else input_file(recording, "recording")
        self.path = check_output(path, inputs if recording is None else [recording, *inputs])
        self.encoding = encoding or encoding_of(path)
        if self.encoding.sound is None:
            self.recording = None
        if self.recording is not None:
            self._heard = find_sound(self.recording)
            check_channels(self._heard.unplaced, f"The recording {self.recording}")
            self._sound_start = _try_sound(self.recording, self._heard, self.encoding.sound)
        self.frame_rate, self.expected = frame_rate, frames
        self.frames = 0  # written so far
        self._stack = contextlib.ExitStack()  # the encoder, then its folder
        self._encoder: FFmpeg | None = None
        self._shape = ()

    def __enter__(self) -> Self:
        with self._errors_for_people():
            self._folder = self._stack.enter_context(unfinished_folder(self.path))
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._stack, self._errors_for_people():
            if error is None:
                self._finish()

    def write(self, frames: np.ndarray) -> None:
        """Append frames: uint8 RGB of shape (n, H, W, 3), or (H, W, 3) for one; of an encoding with alpha RGBA.

        Odd heights and widths are made even, where they have to be, by repeating the last row or column.

        Raises:
            OutputError: the encoder stopped, or these are no frames, or of another size than earlier ones.
        """
        frames = np.asarray(frames)
        frames = frames[None] if frames.ndim == 3 else frames
        channels = self.encoding.channels
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != channels or 0 in frames.shape[1:]:
            raise OutputError(
                f"Frames must be uint8 of shape (n, H, W, {channels}), not {frames.dtype} of {frames.shape}."
            )
        height, width = frames.shape[1:3]
        if self.encoding.even:  # as yuv420p needs it
            frames = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")  # (n, H', W', C)
        with self._errors_for_people():
            if self._encoder is None:
                self._shape = frames.shape[1:]
                self._encoder = self._stack.enter_context(self._start_encoder())
            if frames.shape[1:] != self._shape:
                raise OutputError(f"Frames of {frames.shape[1:]} cannot follow frames of {self._shape} in {self.path}.")
            self._encoder.process.stdin.write(frames.tobytes())
        self.frames += len(frames)

    def _start_encoder(self) -> FFmpeg:
        height, width, _ = self._shape
        pixels = "rgba" if self.encoding.alpha else "rgb24"
        frames = ("-f", "rawvideo", "-pix_fmt", pixels, "-s", f"{width}x{height}", "-r", str(self.frame_rate))
        arguments = [*frames, "-i", "pipe:0"]
        with contextlib.ExitStack() as opened:
            files = ()
            if self._in_one_pass and self.recording is not None:
                sound = opened.enter_context(self.recording.open("rb"))  # ffmpeg has a descriptor of its own
                files = (sound.fileno(),)
                arguments += ["-fd", str(sound.fileno()), *READ_STDIN, *self._with_sound(self.expected)]
            arguments += [*self.encoding.arguments(), *(self._result if self._in_one_pass else [self._silent])]
            return FFmpeg(*arguments, stdin=subprocess.PIPE, cwd=self._folder, pass_fds=files)

    def _finish(self) -> None:
        """End the encoding, add the recording where it is not there yet, and give the result its name."""
        if self.frames == 0:
            raise OutputError(f"The output {self.path} was not written: there were no frames.")
        if self.expected not in (None, self.frames):
            raise OutputError(f"{self.path} was to have {self.expected} frames and was given {self.frames}.")
        self._wait_for(self._encoder)
        if not self._in_one_pass:
            arguments = ["-i", self._silent, *READ_STDIN, *self._with_sound(self.frames), "-c:v", "copy", *self._result]
            with self.recording.open("rb") as sound, FFmpeg(*arguments, stdin=sound, cwd=self._folder) as ffmpeg:
                self._wait_for(ffmpeg)
        if self.encoding.kind == ".webp":
            replace_frames(self._folder / _RESULT)
        with in_one_go():
            (self._folder / _RESULT).replace(self.path)

    @property
    def _in_one_pass(self) -> bool:
        return self.recording is None or self.expected is not None

    @property
    def _silent(self) -> str:
        return _SILENT + self.encoding.alone

    @property
    def _result(self) -> list[str]:
        if self.encoding.kind == "/":
            (self._folder / _RESULT).mkdir(exist_ok=True)
            return ["-start_number", "0", "-f", self.encoding.container, f"{_RESULT}/{_NUMBERED}"]
        return ["-movflags", "+faststart", "-f", self.encoding.container, _RESULT]  # no flag of others than mp4's

    def _with_sound(self, frames: int) -> list[str]:
        """Frames from the first input, and the second one's sound for so many of them."""
        seconds = float(frames / Fraction(self.frame_rate))
        sound = _sound(self._heard, self._sound_start, seconds, self.encoding.sound)
        return ["-map", "0:v", "-map", f"1:{self._heard.stream}", *sound]

    def _wait_for(self, ffmpeg: FFmpeg) -> None:
        if complaint := ffmpeg.finish():
            raise cannot_write(self.path, complaint)

    @contextlib.contextmanager
    def _errors_for_people(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError as error:  # the encoder ended before its input did
            raise cannot_write(self.path, self._encoder.finish() or "the encoder stopped") from error
        except OSError as error:
            raise cannot_write(self.path, error) from error


def _sound(heard: Sound, start: float, seconds: float, codec: str) -> tuple[str, ...]:
    """Encode the mapped audio for exactly `seconds` from `start`, cut or padded with silence."""
    place = f"asetpts=PTS-round({start:.9f}/TB)"  # not N or STARTPTS, which begin anew where a stream changes its rate
    mixed = ""
    if heard.unplaced:  # of which ffmpeg itself makes none of the layouts
        mixed = f",pan=mono|c0={'+'.join(f'{1 / heard.unplaced:.9f}*c{i}' for i in range(heard.unplaced))}"
    filters = (
        f"{heard.filters}{mixed},{place},{_BOUND},apad,atrim=end={seconds:.6f},aformat=channel_layouts={_AAC_LAYOUTS}"
    )
    return ("-af", filters, "-c:a", codec, "-map_chapters", "-1")


def _try_sound(recording: Path, heard: Sound, codec: str) -> float:
    """Encode a moment of the recording into nothing, so that what cannot be written is known before the first frame.

    Returns:
        where ffmpeg has the first decoded sample, which is where the waveform of `load_waveform` starts, in seconds.
    """
    stream = ("-map", f"0:{heard.stream}")
    arguments = (*READ_STDIN, *stream, *ONE_PIECE, "pipe:1", *stream, *_sound(heard, 0, 0.1, codec), "-f", "null", "-")
    with recording.open("rb") as file, FFmpeg(*arguments, stdin=file, stdout=subprocess.PIPE) as ffmpeg:
        start = first_time(ffmpeg.process.stdout.read().decode(errors="replace"))
        if complaint := ffmpeg.finish():
            if ffmpeg.lacks_stream():
                raise InputError(NO_AUDIO_STREAM.format(recording))
            raise InputError(f"The sound of {recording} cannot be written to a video: {complaint}.")
    return start or 0.0
