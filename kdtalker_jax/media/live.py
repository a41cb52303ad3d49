"""A video that is watched while it is made: frames and sound go into a pipe as they come."""

import contextlib
import os
import queue
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from kdtalker_jax.errors import OutputError
from kdtalker_jax.media.encodings import ENCODING
from kdtalker_jax.media.ffmpeg import FFmpeg
from kdtalker_jax.media.files import cannot_write
from kdtalker_jax.media.rates import FRAME_RATE

_FAST = ("-preset", "veryfast", "-tune", "zerolatency", "-g", str(2 * FRAME_RATE))
_AT_ONCE = ("-flush_packets", "1", "-cluster_time_limit", "200", "-f", "matroska", "pipe:1")


class LiveVideo:
    """Writes Matroska (H.264 and AAC) of frames and of the sound that was heard; for use in a `with` block.

    Args:
        output: where the video goes: an open file or pipe, or a path, whose older file is replaced at the first frame.
        rate: samples per second of the sound.
    """

    def __init__(self, output: Any, rate: int) -> None:
        self.frames = 0  # written so far
        self._output, self._rate = output, rate
        self._ffmpeg: FFmpeg | None = None
        self._sound: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._feeder: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._ffmpeg is None:
            return
        with self._ffmpeg:
            self._sound.put(b"")
            if error is None:
                complaint = self._ffmpeg.finish()
                if complaint:
                    raise _gone(complaint)

    def hear(self, samples: np.ndarray) -> None:
        """Sound of the frames that come next: int16 (n,)."""
        if len(samples):
            self._sound.put(samples.astype("<i2").tobytes())

    def write(self, frames: np.ndarray) -> None:
        """Frames uint8 (n, H, W, 3), of even sides; all of one size.

        Raises:
            OutputError: nobody reads the video any more.
        """
        if self._ffmpeg is None:
            self._start(*frames.shape[1:3])
        try:
            self._ffmpeg.process.stdin.write(frames.tobytes())
            self._ffmpeg.process.stdin.flush()
        except BrokenPipeError as error:
            raise _gone(self._ffmpeg.finish() or "the encoder stopped") from error
        self.frames += len(frames)

    def _start(self, height: int, width: int) -> None:
        reading, writing = os.pipe()
        pictures = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(FRAME_RATE))
        sound = ("-f", "s16le", "-ar", str(self._rate), "-ac", "1")
        arguments = (*pictures, "-i", "pipe:0", *sound, "-i", f"pipe:{reading}", *ENCODING, *_FAST, "-c:a", "aac")
        try:
            with _opened(self._output) as output:
                self._ffmpeg = FFmpeg(
                    *(*arguments, *_AT_ONCE),
                    patient=True,
                    stdin=subprocess.PIPE,
                    stdout=output,
                    pass_fds=(reading,),
                )
        except BaseException:
            os.close(writing)
            raise
        finally:
            os.close(reading)
        self._feeder = threading.Thread(target=self._feed, args=[writing], daemon=True)
        self._feeder.start()

    def _feed(self, pipe: int) -> None:
        """In a thread: the encoder takes sound and frames in turns, and waits for neither of our hands."""
        with os.fdopen(pipe, "wb", buffering=0) as sound:
            try:
                while data := self._sound.get():
                    sound.write(data)
            except BrokenPipeError:  # the encoder has ended: whoever writes frames hears of it
                return


@contextlib.contextmanager
def _opened(output: Any) -> Iterator[Any]:
    """What an encoder can write to. Raises OutputError where a path cannot be written."""
    if not isinstance(output, (str, os.PathLike)):
        yield output
        return
    with contextlib.ExitStack() as opened:  # closed at once: the encoder has a descriptor of its own
        try:
            file = opened.enter_context(Path(output).open("wb"))
        except OSError as error:
            raise cannot_write(Path(output), error) from error
        yield file


def _gone(why: str) -> OutputError:
    return OutputError(f"The video cannot be written: {why.rstrip('.')}.")
