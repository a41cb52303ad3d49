"""What can be asked for after the frames: where they are put, what is behind them, and how they are written."""

import os
import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from kdtalker_jax.checks import is_number, is_whole
from kdtalker_jax.compiling import compiling_seconds
from kdtalker_jax.compositing.background import Background, replaced
from kdtalker_jax.compositing.masks import FEATHER, WIDEST_FEATHER, check_mask, read_mask
from kdtalker_jax.compositing.pasting import pasted
from kdtalker_jax.compositing.person import face_within, person_in
from kdtalker_jax.compositing.placing import Placement, matrix_of, of_pixels, seams_of
from kdtalker_jax.compositing.segmentation import Segmentation
from kdtalker_jax.compositing.sizing import LARGEST_SIDE, Beside, fitted, sized
from kdtalker_jax.edits.resampling import frames_at
from kdtalker_jax.errors import InputError
from kdtalker_jax.faces.detector import Box
from kdtalker_jax.media.encodings import Encoding, encoding_of
from kdtalker_jax.media.image import Picture, picture_of
from kdtalker_jax.media.rates import FRAME_RATE, exactly
from kdtalker_jax.media.video import VideoWriter, check_output
from kdtalker_jax.results import Video

if TYPE_CHECKING:
    from kdtalker_jax.source import Source

SMALLEST_SIDE = 16
HIGHEST_RATE = 120
PathLike = str | os.PathLike[str]


@dataclass(frozen=True, eq=False, kw_only=True)
class Finish:
    """What is done with frames of any renderer, in this order.

    Attributes:
        paste_back: the face goes back into the whole picture, of its own size, at most 4096 pixels a side.
        feather: how wide the seam is, as a share of the face's cut, 0 to 0.5; published 1/32.
        mask: where the rendered face may be seen (white): a picture of the portrait's size.
        match_colours: shift the rendered colours so that they meet the picture's at the seam.
        background: see `background.Background`; None: as it is.
        person: who stays before it (white): a picture of the portrait's size. By default the portrait's own alpha, and
            where it has none, what `person.person_in` finds.
        segmentation: the `.tflite` file that finds the person; by default the user's own, if there is one (see
            `segmentation.SEGMENTATION`).
        compare: a driver's video or picture, which is shown on the left.
        size: of the longer side of the result's frames, before `compare`, 16 to 4096.
        fps: frames a second, to 120, also a fraction such as "30000/1001". Motion is interpolated and rendered anew.
        quality, codec: see `media.encodings.encoding_of`.

    Raises:
        InputError: a value that cannot be, or a file that cannot be read.
        CheckpointError: `segmentation` is no such network.
    """

    paste_back: bool = False
    feather: float = FEATHER
    mask: Picture | None = None
    match_colours: bool = False
    background: Picture | None = None
    person: Picture | None = None
    segmentation: PathLike | None = None
    compare: PathLike | None = None
    size: int | None = None
    fps: int | float | str | Fraction = FRAME_RATE
    quality: int | None = None
    codec: str | None = None

    def __post_init__(self) -> None:
        for name in ("paste_back", "match_colours"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise InputError(f"`{name}` must be True or False, not {getattr(self, name)!r}.")
        if not is_number(self.feather, 0, WIDEST_FEATHER):
            raise InputError(f"`feather` must be a number from 0 to {WIDEST_FEATHER}, not {self.feather!r}.")
        if self.size is not None and not is_whole(self.size, SMALLEST_SIDE, LARGEST_SIDE):
            raise InputError(
                f"`size` must be a whole number of pixels from {SMALLEST_SIDE} to {LARGEST_SIDE}, not {self.size!r}."
            )
        _ = self.rate
        if not self.paste_back:
            asked = {"feather": self.feather != FEATHER, "mask": self.mask is not None}
            for name, given in (asked | {"match_colours": self.match_colours}).items():
                if given:
                    raise InputError(f"`{name}` is about pasting back: ask for `paste_back=True` as well.")
        for name in ("person", "segmentation"):
            if getattr(self, name) is not None and self.background is None:
                raise InputError(f"`{name}` is about who stays before another `background`: name one.")
        if self.background is not None and self.person is None and self._segmentation.is_there:
            self._segmentation.check()
        _ = self._background, self._beside, self._mask, self._person  # refuses what cannot be read

    @cached_property
    def rate(self) -> Fraction:
        """Frames a second."""
        try:
            rate = exactly(self.fps)
        except (TypeError, ValueError, ArithmeticError):  # OverflowError of infinity, division by zero
            rate = Fraction(0)
        if not 1 <= rate <= HIGHEST_RATE:
            raise InputError(f"`fps` must be a number from 1 to {HIGHEST_RATE}, such as 25 or 30000/1001.")
        return rate

    @property
    def transparent(self) -> bool:
        return self._background is not None and self._background.transparent

    @cached_property
    def _background(self) -> Background | None:
        return None if self.background is None else Background(self.background)

    @cached_property
    def _beside(self) -> Beside | None:
        return None if self.compare is None else Beside(self.compare)

    @cached_property
    def _mask(self) -> np.ndarray | None:
        return None if self.mask is None else read_mask(self.mask, "mask")

    @cached_property
    def _person(self) -> np.ndarray | None:
        return None if self.person is None else read_mask(self.person, "person")

    @cached_property
    def _segmentation(self) -> Segmentation:
        return Segmentation(self.segmentation)

    @property
    def inputs(self) -> list[PathLike]:
        """Files that no output may replace."""
        named = (self.mask, self.person, self.segmentation, self.compare, self.background)
        return [item for item in named if isinstance(item, (str, os.PathLike))]

    def check(self, output: PathLike, inputs: Iterable[PathLike] = (), picture: Picture | None = None) -> None:
        """Whether it can be done, before any heavy work.

        Args:
            output: the video to be. inputs: further files that it must not replace.
            picture: the portrait.

        Raises:
            InputError: a mask is of another size. OutputError: no such file can be written.
        """
        check_output(output, [*inputs, *self.inputs])
        self._encoding(output)
        if picture is not None and (self._mask is not None or self._person is not None):
            picture, _ = picture_of(picture, "the picture")
            for name, mask in (("mask", self._mask), ("person", self._person)):
                if mask is not None:
                    check_mask(mask, picture, name)

    def _encoding(self, output: PathLike) -> Encoding:
        how = {"codec": self.codec, "quality": self.quality, "frame_rate": self.rate}
        return encoding_of(output, alpha=self.transparent, **how)

    def writer(
        self, output: PathLike, recording: PathLike | None, frames: int, inputs: Iterable[PathLike] = ()
    ) -> VideoWriter:
        """What writes a motion of so many frames, 25 a second, at our rate. Raises as `VideoWriter`."""
        frames = frames_at(frames, Fraction(FRAME_RATE), self.rate)
        how = {"frame_rate": self.rate, "encoding": self._encoding(output)}
        return VideoWriter(output, recording, [*inputs, *self.inputs], frames=frames, **how)

    def written(self, video: VideoWriter, output: PathLike, source: "Source", frames: Iterable[np.ndarray]) -> Video:
        """Rendered frames, with these steps, into the file that `video` writes. Raises as `applied`, `VideoWriter`."""
        started, compiled = time.perf_counter(), compiling_seconds()
        finished = self.applied(source, frames)
        with video:
            for batch in finished:
                video.write(batch)
        seconds, compiled = time.perf_counter() - started, compiling_seconds() - compiled
        return Video(Path(output), video.frames, seconds, compiled, self.rate)

    def applied(self, source: "Source", frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The steps, on frames uint8 (b, S, S, 3) of this portrait at this rate: (b', H, W, 3), or RGBA.

        Raises:
            InputError: at once: the portrait has no picture, or a mask is not of its size.
        """
        if not self.paste_back and self._background is None:
            if self._beside is None and self.size is None:
                return iter(frames)  # nothing is asked of them
            whole = None
        else:
            whole = self._whole(source)
        return self._steps(whole, frames)

    def _steps(self, whole: "_Whole | None", frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        frames = iter(frames)
        first = next(frames, None)
        if first is None:
            return
        frames = _and_then(first, frames)
        if self.paste_back:
            how = {"feather": self.feather, "mask": whole.mask, "match_colours": self.match_colours}
            matrix = whole.matrix(first.shape[1])
            frames = pasted(frames, whole.picture, matrix, sides=whole.sides, share=whole.share, **how)
        if self._background is not None:
            still, alpha, where = whole.behind(first.shape[1], self.paste_back)
            frames = replaced(frames, still, alpha, self._background, rate=self.rate, where=where)
        frames = sized(frames, self.size)
        if self._beside is not None:
            frames = self._beside.compared(frames, self.rate)
        yield from frames

    def _whole(self, source: "Source") -> "_Whole":
        picture = source.picture
        if picture is None:
            raise InputError("This portrait does not know its whole picture: make it with model.prepare(picture).")
        for name, mask in (("mask", self._mask), ("person", self._person)):
            if mask is not None:
                check_mask(mask, picture, name)
        alpha = None
        if self._background is not None:
            alpha = self._person if self._person is not None else source.alpha
            face = source.crop.box or face_within(source.crop.region)
            alpha = person_in(picture, face, self._segmentation) if alpha is None else alpha
        whole = _Whole(picture, source.crop.region, self._mask, alpha, source.share)
        if not self.paste_back:
            return whole
        if self.size is None and max(picture.shape[:2]) > LARGEST_SIDE:
            warnings.warn(
                f"The picture is reduced to {LARGEST_SIDE} pixels a side, the most that players show.", stacklevel=4
            )
        return whole.reduced(self.size)


PLAIN = Finish()


@dataclass(frozen=True, eq=False)
class _Whole:
    """The picture that a portrait was cut from: (H, W, 3), and of its size a mask for pasting and the person's alpha.

    `share` is how much of frames is pasted. `scale` is what the picture was reduced by since `region` was cut.
    """

    picture: np.ndarray
    region: Box
    mask: np.ndarray | None
    alpha: np.ndarray | None
    share: np.ndarray | None
    scale: tuple[float, float] = (1.0, 1.0)

    def reduced(self, size: int | None) -> "_Whole":
        """As small as the result is to be, so that no work is done for larger frames."""
        (own_height, own_width), (height, width) = self.picture.shape[:2], fitted(*self.picture.shape[:2], size)
        if height >= own_height:
            return self
        parts = (
            None if part is None else cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
            for part in (self.picture, self.mask, self.alpha)
        )
        picture, mask, alpha = parts
        return _Whole(picture, self.region, mask, alpha, self.share, (width / own_width, height / own_height))

    @property
    def sides(self) -> Any:
        height, width = (round(side / scale) for side, scale in zip(self.picture.shape, self.scale[::-1], strict=False))
        return seams_of(self.region, height, width)

    def matrix(self, size: int) -> np.ndarray:
        """(3, 3) from frames of this size to the picture."""
        return of_pixels(*self.scale) @ matrix_of(self.region, size)

    def behind(self, size: int, pasted_back: bool) -> tuple[np.ndarray, np.ndarray, Placement | None]:
        """What frames, pasted back or not, show where nothing moves; its alpha; and where they differ from it."""
        placement = Placement.of(self.matrix(size), size, *self.picture.shape[:2], self.sides)
        if pasted_back:
            return self.picture, self.alpha, placement
        return placement.cut(self.picture), placement.cut(self.alpha), None


def _and_then(first: np.ndarray, others: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    yield from others
