"""A video file as the metrics see it."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np

from kdtalker_jax.errors import InputError
from kdtalker_jax.faces.crop import cut_square
from kdtalker_jax.faces.detector import Box
from kdtalker_jax.faces.resizing import resize
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.frames import frame_rate, read_frames, sound_start


class VideoFile:
    """A video whose frames can be read again and again; nothing of it but the sound is held in memory.

    Attributes:
        notes: why there is no sound, where there is none.
        waveform: (samples,) at 16 kHz, or None.
        start: where the sound begins on the file's clock, in seconds.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[str] = []
        self.waveform: np.ndarray | None = None
        self.start = 0.0
        try:
            self.waveform, self.start = load_waveform(path), sound_start(path)
        except InputError as error:
            self.notes.append(str(error))

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width. Raises InputError where the file has no pictures, as do all that follow."""
        return next(read_frames(self.path, self.start, 1)).shape[:2]

    @cached_property
    def rate(self) -> float:
        """Frames a second, as the file has them."""
        return frame_rate(self.path)

    def frames(self, size: tuple[int, int] | None = None, as_opencv: bool = False) -> Iterator[np.ndarray]:
        """uint8 (H, W, 3) from where the sound begins, resized if a size is given. `as_opencv`: see `read_frames`."""
        for frame in read_frames(self.path, self.start, as_opencv=as_opencv):
            yield frame if size is None else resize(frame, *size)

    def cuts(self, square: Box, side: int, size: tuple[int, int] | None = None) -> Iterator[np.ndarray]:
        """The part of each frame that the square shows, uint8 (side, side, 3)."""
        return (cut_square(frame, square, side) for frame in self.frames(size))
