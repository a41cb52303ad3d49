"""Frames of another size, and beside those of another video."""

import os
from collections.abc import Iterable, Iterator
from fractions import Fraction

import cv2
import numpy as np

from kdtalker_jax.errors import InputError
from kdtalker_jax.faces.resizing import resize
from kdtalker_jax.media.animations import is_still
from kdtalker_jax.media.files import input_file
from kdtalker_jax.media.frames import exact_rate, read_frames
from kdtalker_jax.media.image import read_image
from kdtalker_jax.sources.templates import SUFFIXES
from kdtalker_jax.sources.video import sound_of

LARGEST_SIDE = 4096  # pixels: no player decodes larger H.264


def fitted(height: int, width: int, size: int | None) -> tuple[int, int]:
    """The height and width of frames whose longer side is to be `size`; without it, at most `LARGEST_SIDE`."""
    longer = max(height, width)
    wanted = min(longer, LARGEST_SIDE) if size is None else size
    return max(round(height * wanted / longer), 1), max(round(width * wanted / longer), 1)


def sized(frames: Iterable[np.ndarray], size: int | None) -> Iterator[np.ndarray]:
    """Frames (b, H, W, C) as `fitted`; those that fit are left alone."""
    for batch in frames:
        height, width = fitted(*batch.shape[1:3], size)
        if batch.shape[1:3] == (height, width):
            yield batch
        else:
            yield np.stack([_resized(frame, height, width) for frame in batch])


def _resized(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    if height > frame.shape[0]:
        return cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC)
    return resize(frame, height, width)


class Beside:
    """A driver's pictures, for comparison.

    Args:
        path: a video, or a picture.

    Raises:
        InputError: it shows nothing, or cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = input_file(path, "driver")
        if self._path.suffix.lower() in SUFFIXES:
            raise InputError(f"The driver {self._path} is motion alone: `compare` needs a video or a picture of it.")
        self._picture = read_image(self._path) if is_still(self._path) else None
        if self._picture is None:
            exact_rate(self._path)

    def pictures(self, rate: Fraction) -> Iterator[np.ndarray]:
        """(H, W, 3) each, from where its sound begins; the last one without end."""
        last = self._picture
        if last is None:
            for last in read_frames(self._path, sound_of(self._path) or 0.0, rate=rate):
                yield last
        while True:
            yield last

    def compared(self, frames: Iterable[np.ndarray], rate: Fraction) -> Iterator[np.ndarray]:
        """Frames (1, H, W', C): the driver's at that time on the left, as high as ours."""
        pictures = self.pictures(rate)
        for frame in (frame for batch in frames for frame in batch):
            picture = next(pictures)
            width = max(round(picture.shape[1] * len(frame) / len(picture)), 1)
            left = resize(picture, len(frame), width)
            if frame.shape[-1] == 4:
                left = np.dstack([left, np.full(left.shape[:2], 255, np.uint8)])
            yield np.concatenate([left, frame], axis=1)[None]
