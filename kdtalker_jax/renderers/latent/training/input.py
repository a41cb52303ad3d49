"""From clips with frames and landmarks to batches of pictures. A batch is known by its number alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from kdtalker_jax.data.clips import decode_frame
from kdtalker_jax.data.landmark_clips import points_of, sees_face
from kdtalker_jax.errors import InputError
from kdtalker_jax.renderers.latent.masks import mouth_boxes
from kdtalker_jax.spaces.landmarks.statistics import LandmarkStatistics
from kdtalker_jax.training.batches import NumberedBatches, Order
from kdtalker_jax.training.kept_clips import KeptClips
from kdtalker_jax.training.one_network import Rows


class ShownClip(NamedTuple):
    """What training needs of a clip of F frames."""

    name: str
    jpeg: Sequence[bytes]  # F encoded frames
    points: np.ndarray  # (F, N, 3) landmarks
    boxes: np.ndarray  # (F, 4) int32: mouths, in pixels of pictures of the run's size
    seen: np.ndarray  # (n,) numbers of the frames that show a face

    @classmethod
    def of(cls, stored: Mapping[str, Any], statistics: LandmarkStatistics, size: int) -> "ShownClip":
        """From the fields that `data.clips.Clips` describes, for pictures of a size.

        Raises:
            InputError: it has no frames, no landmarks, or not as many.
        """
        name, jpeg, points = stored["name"], list(stored["jpeg"]), points_of(stored)
        if not jpeg:
            raise InputError(f"The clip {name} has no frames: keep them by python -m pipelines.extract --keep_frames.")
        if points.shape[1] != statistics.points:
            raise InputError(f"The clip {name} has {points.shape[1]} landmarks, not {statistics.points}.")
        if not np.isfinite(points).all():
            raise InputError(f"The landmarks of the clip {name} are not finite: make the data set again without it.")
        shown, frames = sees_face(stored), min(len(jpeg), len(points))
        face = statistics.face(points, seen=shown)
        boxes = mouth_boxes(face.identity, face.pose, size)
        visible = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        seen = np.flatnonzero(shown[:frames] & visible[:frames])
        return cls(name, jpeg, points, boxes, seen)

    @property
    def nbytes(self) -> int:
        return sum(map(len, self.jpeg)) + self.points.nbytes + self.boxes.nbytes

    def picture(self, frame: int, size: int) -> np.ndarray:
        """uint8 (size, size, 3), averaged where it shrinks."""
        picture = decode_frame(self.jpeg[frame])
        if picture.shape[0] == size:
            return picture
        how = cv2.INTER_AREA if picture.shape[0] > size else cv2.INTER_CUBIC
        return cv2.resize(picture, (size, size), interpolation=how)


class Pictures(NamedTuple):
    """Pictures of people, each with another one of the same person."""

    targets: np.ndarray  # uint8 (B, S, S, 3)
    references: np.ndarray  # likewise
    boxes: np.ndarray  # int32 (B, 4): the targets' mouths, in pixels
    points: np.ndarray  # (B, N, 3): the targets' landmarks
    reference_points: np.ndarray  # (B, N, 3)
    position: np.ndarray  # (B,) int32: place in the batch over all devices, which decides a sample's random numbers


Refer = Callable[[ShownClip, int, np.random.Generator], int]  # clip, frame, random -> the frame that is its reference


def usable_clips(
    clips: Sequence[Mapping[str, Any]], statistics: LandmarkStatistics, config: Any, *, progress: bool = False
) -> KeptClips:
    """Those that show a mouth."""
    return KeptClips(
        clips,
        lambda stored: ShownClip.of(stored, statistics, config.image_size),
        lambda clip: len(clip.seen) > 0,
        config.input,
        progress=progress,
    )


def itself(clip: ShownClip, frame: int, random: np.random.Generator) -> int:
    """A `Refer` for trainings that look at single pictures."""
    return frame


def nearby(farthest: int, beyond: float) -> Refer:
    """A `Refer`: uniformly of the frames up to so many away, and in a share of all cases of those farther away.

    Where there are none of the one kind it is of the other, and in a clip of one frame itself.
    """

    def refer(clip: ShownClip, frame: int, random: np.random.Generator) -> int:
        distance = np.abs(clip.seen - frame)
        near, far = clip.seen[(distance > 0) & (distance <= farthest)], clip.seen[distance > farthest]
        wanted, other = (far, near) if random.random() < beyond else (near, far)
        frames = wanted if len(wanted) else other
        return int(random.choice(frames)) if len(frames) else frame

    return refer


def stack_pictures(
    clips: Sequence[ShownClip], frames: Sequence[int], references: Sequence[int], size: int, position: np.ndarray
) -> Pictures:
    """A frame of each clip, and its reference."""
    rows = [
        (
            clip.picture(frame, size),
            clip.picture(reference, size),
            clip.boxes[frame],
            clip.points[frame],
            clip.points[reference],
        )
        for clip, frame, reference in zip(clips, frames, references, strict=True)
    ]
    return Pictures(*(np.stack(column) for column in zip(*rows, strict=True)), position)


class Chosen(NamedTuple):
    """A sample, before anything is made of it."""

    clip: int  # its number
    frame: int
    reference: int  # frame of the same clip
    chance: float  # from 0 to below 1, its own


Stack = Callable[[Sequence[Chosen], np.ndarray], Any]  # samples, their places in the batch (B,) -> rows


def pictures_of(clips: KeptClips, size: int) -> Stack:
    """The `Stack` of `Pictures`."""

    def stack(chosen: Sequence[Chosen], position: np.ndarray) -> Pictures:
        shown = [clips[one.clip] for one in chosen]
        return stack_pictures(shown, [one.frame for one in chosen], [one.reference for one in chosen], size, position)

    return stack


class Batches(NumberedBatches[Rows]):
    """This process's share of each batch of a run, as `stack` makes it."""

    def __init__(
        self, clips: KeptClips, config: Any, refer: Refer, stack: Stack, *, process: int = 0, processes: int = 1
    ) -> None:
        size = config.batch_size
        positions = np.arange(size, dtype=np.int32)[process::processes]
        order = Order(len(clips), config.seed)

        def choose(number: int, index: int, position: int) -> Chosen:
            clip, random = clips[index], np.random.default_rng([config.seed, 1, number, position])
            frame = int(random.choice(clip.seen))
            return Chosen(index, frame, refer(clip, frame, random), random.random())

        def make(number: int) -> Rows:
            share = order[number * size + positions.astype(np.int64)]
            chosen = [choose(number, int(index), int(at)) for index, at in zip(share, positions, strict=True)]
            sources = [f"{clips[one.clip].name} frame {one.frame}" for one in chosen]
            return Rows(stack(chosen, positions), sources)

        super().__init__(make, config.steps, threads=config.input.threads, prefetch=config.input.prefetch)


def fixed_pictures(clips: KeptClips, count: int, config: Any, refer: Refer) -> Pictures:
    """`count` samples, spread over clips and frames."""
    random = np.random.default_rng(0)
    chosen = [clips[i % len(clips)] for i in range(count)]
    frames = [int(random.choice(clip.seen)) for clip in chosen]
    references = [refer(clip, frame, random) for clip, frame in zip(chosen, frames, strict=True)]
    return stack_pictures(chosen, frames, references, config.image_size, np.arange(count, dtype=np.int32))
