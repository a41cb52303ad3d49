"""Another background: a colour, a picture, a video, or none (transparent)."""

import os
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
from PIL import ImageColor

from kdtalker_jax.compositing.following import Follower, foreground
from kdtalker_jax.compositing.placing import Placement
from kdtalker_jax.errors import InputError
from kdtalker_jax.faces.resizing import resize
from kdtalker_jax.media.animations import is_still
from kdtalker_jax.media.files import input_file
from kdtalker_jax.media.frames import exact_rate, read_frames
from kdtalker_jax.media.image import Picture, picture_of, read_image

TRANSPARENT = "transparent"


class Background:
    """What lies behind the person, read as far as it can be before any work.

    Args:
        what: "transparent"; a colour by its name in CSS or as #rrggbb; a path of a picture or a video, which begins
            anew at its end; a picture of Pillow or uint8 array (H, W, 3). Pictures fill the frame, cut at its sides.

    Attributes:
        transparent: there is none.

    Raises:
        InputError: it is nothing of that, or cannot be read.
    """

    def __init__(self, what: Picture) -> None:
        self.transparent = isinstance(what, str) and what == TRANSPARENT
        self._colour = self._picture = self._video = None
        if self.transparent:
            return
        if isinstance(what, str) and (colour := _colour_of(what)) is not None:
            self._colour = colour
        elif isinstance(what, (str, os.PathLike)):
            path = input_file(what, "background")
            if is_still(path):
                self._picture = read_image(path)
            else:
                try:
                    exact_rate(path)
                except InputError as error:
                    raise InputError(f"The background {path} is neither a picture nor a video that can be read.") from (
                        error
                    )
                self._video = path
        else:
            self._picture, _ = picture_of(what, "the background")

    @property
    def moves(self) -> bool:
        return self._video is not None

    def frames(self, height: int, width: int, rate: Fraction) -> Iterator[np.ndarray]:
        """Pictures (H, W, 3) of that size for frames of that rate, without end."""
        if self._video is None:
            still = self._still(height, width)
            while True:
                yield still
        while True:
            for picture in read_frames(self._video, rate=rate):
                yield filling(picture, height, width)

    def _still(self, height: int, width: int) -> np.ndarray:
        if self._picture is not None:
            return filling(self._picture, height, width)
        return np.full((height, width, 3), self._colour or (0, 0, 0), np.uint8)


def _colour_of(text: str) -> tuple[int, int, int] | None:
    try:
        return ImageColor.getrgb(text)[:3]
    except ValueError:
        return None


def filling(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle of a picture (H, W, 3), as large as fills (height, width)."""
    scale = max(height / picture.shape[0], width / picture.shape[1])
    cut_height, cut_width = min(round(height / scale), picture.shape[0]), min(round(width / scale), picture.shape[1])
    top, left = (picture.shape[0] - cut_height) // 2, (picture.shape[1] - cut_width) // 2
    return resize(np.ascontiguousarray(picture[top : top + cut_height, left : left + cut_width]), height, width)


def replaced(
    frames: Iterable[np.ndarray],
    still: np.ndarray,
    alpha: np.ndarray,
    background: Background,
    *,
    rate: Fraction = Fraction(25),
    where: Placement | None = None,
) -> Iterator[np.ndarray]:
    """The person of each frame before another background, one frame at a time: (1, H, W, 3), or RGBA (1, H, W, 4).

    Args:
        frames: uint8 (b, H, W, 3).
        still: uint8 (H, W, 3), what they show, not moved. alpha: uint8 (H, W), how much of it is the person.
        background: what comes behind.
        rate: of the frames.
        where: they differ from `still`; None: everywhere.
    """
    replace = Replace(still, alpha, background, where)
    behind = background.frames(*still.shape[:2], rate)
    for frame in (frame for batch in frames for frame in batch):
        yield replace(frame, next(behind))[None]


class Replace:
    """One still picture: what does not move is computed once."""

    def __init__(
        self, still: np.ndarray, alpha: np.ndarray, background: Background, where: Placement | None = None
    ) -> None:
        self._background = background
        self._inside = (lambda picture: picture) if where is None else where.inside
        self._follow = None
        if where is None or not where.is_empty:
            self._follow = Follower(self._inside(still), np.ascontiguousarray(self._inside(alpha)))
        share = alpha.astype(np.float32) / 255
        self._person = np.rint(foreground(still, share)).astype(np.uint8)
        self._alpha = alpha
        self._around: np.ndarray | None = None

    def __call__(self, frame: np.ndarray, behind: np.ndarray) -> np.ndarray:
        """(H, W, 3) and what is behind it (H, W, 3) -> (H, W, 3), or (H, W, 4) where that is nothing."""
        if self._around is None or self._background.moves:
            self._around = self._joined(self._person, self._alpha.astype(np.float32) / 255, behind)
        if self._follow is None:
            return self._around
        result, frame = self._around.copy(), self._inside(frame)
        share = self._follow(frame)
        self._inside(result)[:] = self._joined(foreground(frame, share), share, self._inside(behind))
        return result

    def _joined(self, person: np.ndarray, share: np.ndarray, behind: np.ndarray) -> np.ndarray:
        """Colours (h, w, 3) that count for so much (h, w), uint8."""
        if self._background.transparent:
            return np.dstack([np.rint(person), np.rint(255 * share)]).astype(np.uint8)
        share = share[..., None]
        return np.rint(person * share + behind * (1 - share)).astype(np.uint8)
