"""A video whose person is moved by another face, or by sound: source video instead of source image.

video -> face in every frame, a steady square about it -> motion extractor --.
driver, sound ----------------------------------------------------------------> driving keypoints of each frame
each frame -> cut -> renderer: describe, frames ------------------------------> the face that goes into the square
"""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kdtalker_jax.compositing.sizing import LARGEST_SIDE
from kdtalker_jax.data.tracking import detect, overlap
from kdtalker_jax.edits.reenacting import Reenactment, video_moved_by
from kdtalker_jax.edits.retargeting import Openings
from kdtalker_jax.edits.smoothing import kalman_smooth
from kdtalker_jax.errors import InputError
from kdtalker_jax.faces.crop import cut_square
from kdtalker_jax.faces.detector import Box
from kdtalker_jax.faces.geometry import face_square
from kdtalker_jax.media.files import input_file
from kdtalker_jax.media.frames import exact_rate, read_frames
from kdtalker_jax.media.rates import SAMPLE_RATE, SAMPLES_PER_FRAME
from kdtalker_jax.source import Source
from kdtalker_jax.sources.driver import Driver
from kdtalker_jax.sources.video import extracted, follow, sound_of
from kdtalker_jax.spaces.keypoints import Motion
from kdtalker_jax.streams import progress_bar

if TYPE_CHECKING:
    from kdtalker_jax.portrait import TalkingPortrait

STEADY = 1_000.0  # strength of the smoothing of squares: over a handful of frames


class Moved(NamedTuple):
    """A frame of the video, uint8 (H, W, 3), and the face to put into it, uint8 (S, S, 3), where `region` is; None: the
    frame stays."""

    frame: np.ndarray
    face: np.ndarray | None
    region: Box


@dataclass(frozen=True, eq=False)
class VideoPortrait:
    """What is known of a person in T frames of a video.

    Attributes:
        path: of the video. rate: its frames a second. start: where on its clock the first one lies, in seconds; None:
            where its pictures begin.
        regions: the square about the face in each frame; it moves steadily.
        motion: what the person does. canonical: (T, 3 K) keypoints. openings: of eyes and lips.
        found: (T,) bool, which frames show the face; what is known of the others is that of the one before.
        file_frames: how many the file has; where T is more, it begins anew, or its last frame stays (`anew`).
    """

    path: Path
    rate: Fraction
    start: float | None
    regions: list[Box]
    motion: Motion
    canonical: np.ndarray
    openings: Openings
    found: np.ndarray
    file_frames: int
    anew: bool = False

    def __len__(self) -> int:
        return len(self.motion)

    def lasting(self, frames: int, *, anew: bool = False) -> "VideoPortrait":
        """So many frames of it: fewer, or more by beginning anew at its end, or by holding the last one."""
        index = np.arange(frames)
        index = index % len(self) if anew else np.minimum(index, len(self) - 1)
        motion = Motion(**{name: value[index] for name, value in self.motion.arrays().items()})
        regions, openings = [self.regions[i] for i in index], self.openings.at(index)
        known = {"motion": motion, "canonical": self.canonical[index], "openings": openings, "regions": regions}
        known["found"] = self.found[index]
        return replace(self, **known, anew=anew)

    def frames(self) -> Iterator[np.ndarray]:
        """Its pictures, uint8 (H, W, 3), one at a time, out of the file."""

        def read() -> Iterator[np.ndarray]:
            return read_frames(self.path, self.start, rate=self.rate, longest=LARGEST_SIDE)

        return (frame for _, frame in played(read, self.file_frames, len(self), anew=self.anew))

    def portrait(self, model: "TalkingPortrait") -> Source:
        """Its first frame that shows the face as a portrait, for motion that sound makes."""
        index = int(np.argmax(self.found))
        frame = next(itertools.islice(self.frames(), index, None))
        return model.prepare(cut_square(frame, self.regions[index], model.renderer.picture_size), "none")

    def moved(
        self,
        model: "TalkingPortrait",
        how: Reenactment,
        driver: Driver | None = None,
        sound: Motion | None = None,
    ) -> np.ndarray:
        """Driving keypoints (n, K, 3) of the first n frames; n is what the shortest of all has.

        Args:
            driver: whose motion is taken over. sound: motion at 25 frames a second, whose lips are.

        Raises:
            InputError: something asked for is not known of the driver.
        """
        if driver is not None:
            model.space.check(driver.motion)
            driver = driver.at_rate(self.rate)
        if sound is not None:
            sound = Driver(sound).at_rate(self.rate).motion
        networks = model.renderer.retargeting(model.params) if how.needs_networks else None
        return video_moved_by(
            self.canonical,
            self.motion,
            driver and driver.motion,
            how,
            networks,
            openings=driver and driver.openings,
            own_openings=self.openings,
            sound=sound,
            sliders=model.sliders,
            rate=self.rate,
        )

    def render(self, model: "TalkingPortrait", driving: np.ndarray, *, progress: bool = False) -> Iterator[Moved]:
        """The video's frames, one at a time, and their faces, where they show one, at driving keypoints (n, K, 3).

        Raises CheckpointError at a face that is not finite.
        """
        frames = itertools.islice(self.frames(), len(driving))
        bar = progress_bar(frames, "Rendering", total=len(driving), unit="frame", show=progress)
        for frame, region, found, keypoints in zip(bar, self.regions, self.found, driving, strict=False):
            if not found:
                yield Moved(frame, None, region)
                continue
            source = model.prepare(cut_square(frame, region, model.renderer.picture_size), "none")
            motion = replace(source.own.motion, keypoints=keypoints[None])
            ((face,),) = model.render(source, motion, batch_size=1)
            yield Moved(frame, face, region)


def prepare_video(
    model: "TalkingPortrait",
    path: str | os.PathLike[str],
    face_index: int | None = None,
    *,
    own_sound: bool = True,
    progress: bool = False,
) -> VideoPortrait:
    """Finds a person in a video and what it does. Frames are read twice, one at a time.

    Args:
        face_index: which of several faces of the first frame that has some, 0 the largest.
        own_sound: it is heard with them, so they begin with it; else with the first picture.

    Raises:
        InputError: an unreadable file, no such face. NoFaceError: no face at all.
        DamagedModelError: the networks give motion that cannot be.
    """
    path = input_file(path, "video")
    rate, start = exact_rate(path), sound_of(path) if own_sound else None

    def frames() -> Iterator[np.ndarray]:
        return read_frames(path, start, rate=rate, longest=LARGEST_SIDE)

    bar = progress_bar(frames(), "Finding the face", unit="frame", show=progress)
    seen = follow(
        bar, model.detector, f"the video {path.name}", face_index, "", cut_too=False, elsewhere=True, look=detect
    )
    regions = steady([face_square(points) for points in seen.points.astype(np.float64)])
    size = model.renderer.picture_size
    cuts = (cut_square(frame, region, size) for frame, region in zip(frames(), regions, strict=False))
    motion, canonical = extracted(cuts, model.renderer, model.params, "Watching", progress)
    motion, canonical, openings = seen.held_over(motion, canonical)
    seen.tell(path.name, "they stay as they are")
    found = np.array(seen.found[: len(motion)])
    return VideoPortrait(path, rate, start, regions, motion, canonical, openings, found, len(motion))


def steady(squares: list[Box]) -> list[Box]:
    """Squares that follow a face, without the landmarks' trembling; anew where it is suddenly elsewhere."""
    jumps = [i for i, pair in enumerate(itertools.pairwise(squares), 1) if not overlap(*pair)]
    pieces = itertools.pairwise([0, *jumps, len(squares)])
    return [box for first, end in pieces for box in _smooth(squares[first:end])]


def _smooth(squares: list[Box]) -> list[Box]:
    corners = np.array(squares, np.float64)  # (T, 4)
    centres, sides = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:3] - corners[:, :1]
    smooth = kalman_smooth(np.concatenate([centres, sides], axis=1), STEADY)
    boxes = []
    for x, y, side in smooth:
        side = max(round(side), 1)
        left, top = round(x - side / 2), round(y - side / 2)
        boxes.append(Box(left, top, left + side, top + side))
    return boxes


def played(
    read: Callable[[], Iterable[np.ndarray]], frames: int, count: int, *, anew: bool
) -> Iterator[tuple[int, np.ndarray]]:
    """So many of the first `frames` that `read` gives, and which each is. Where these end they begin `anew`, or stay.

    Raises InputError where they cannot be read again.
    """
    left, frame = count, None
    while left > 0:
        before = left
        for row, frame in enumerate(itertools.islice(read(), min(left, frames))):
            yield row, frame
            left -= 1
        if left == before:
            raise InputError("The frames cannot be read again: give what makes them anew each time.")
        if not anew:
            break
    for _ in range(left):
        yield frames - 1, frame


def samples_of(frames: int, rate: Fraction) -> int:
    """How many samples of 16 kHz so many frames of a rate need."""
    samples = -(-frames * SAMPLE_RATE * rate.denominator // rate.numerator)
    return samples + SAMPLES_PER_FRAME  # so that the last frame is whole


def with_silence(waveform: np.ndarray, frames: int, rate: Fraction, *, cut: bool = False) -> np.ndarray:
    """A 16 kHz recording that lasts at least as long as so many frames of a rate; `cut`: and no longer."""
    samples = samples_of(frames, rate)
    return np.pad(waveform[:samples] if cut else waveform, (0, max(samples - len(waveform), 0)))
