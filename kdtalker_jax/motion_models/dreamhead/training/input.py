"""From clips on disk to batches of windows. A batch is known by its number alone."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from configs.dreamhead_training import LandmarkRun
from kdtalker_jax.data.landmark_clips import points_of, sees_face
from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.landmarks.statistics import LandmarkStatistics
from kdtalker_jax.training.batches import NumberedBatches, Order, start_at
from kdtalker_jax.training.kept_clips import KeptClips
from kdtalker_jax.training.one_network import Rows


class MovingClip(NamedTuple):
    """What training needs of a clip: F frames of landmarks and sound."""

    name: str
    motion: np.ndarray  # (F, 3 N) normalised offsets from the person's face at rest
    identity: np.ndarray  # (3 N,): how that differs from the template
    audio: np.ndarray  # (F, W)
    seen: np.ndarray  # (F,) 1 or 0: whether the frame shows a face; else its motion is held over from another one

    @classmethod
    def of(cls, stored: Mapping[str, Any], statistics: LandmarkStatistics) -> "MovingClip":
        """From the fields that `data.clips.Clips` describes; raises InputError where landmarks are not as many."""
        points, audio = points_of(stored), np.asarray(stored["audio"], np.float32)
        if points.shape[1] != statistics.points:
            raise InputError(f"The clip {stored['name']} has {points.shape[1]} landmarks, not {statistics.points}.")
        seen = sees_face(stored)
        face = statistics.face(points, seen=seen)
        motion = (face.motion.offsets / statistics.shape("deviation")).reshape(len(points), -1)
        identity = (face.identity - statistics.shape("template")).astype(np.float32).ravel()
        frames = min(len(motion), len(audio))
        parts = motion[:frames].astype(np.float32), identity, audio[:frames], seen[:frames].astype(np.float32)
        return cls(stored["name"], *parts)

    @property
    def nbytes(self) -> int:
        return self.motion.nbytes + self.audio.nbytes + self.seen.nbytes

    def starts(self, frames: int) -> np.ndarray:
        """(n,) where windows of so many frames begin that show a face in at least one."""
        shown = np.concatenate([[0], np.cumsum(self.seen)])  # before each frame, and in all
        return np.flatnonzero(shown[frames:] > shown[:-frames])

    def start(self, fraction: float, frames: int) -> int:
        """One of `starts`, for a number from 0 to below 1: uniform."""
        starts = self.starts(frames)
        return int(starts[start_at(len(starts), fraction, 1)])


class Windows(NamedTuple):
    """L frames of clips."""

    motion: np.ndarray  # (B, L, 3 N)
    identity: np.ndarray  # (B, 3 N)
    audio: np.ndarray  # (B, L, W)
    seen: np.ndarray  # (B, L) 1 or 0: which frames show a face, and can teach
    position: np.ndarray  # (B,) int32: place in the batch over all devices, which decides a sample's random numbers


def usable_clips(
    clips: Sequence[Mapping[str, Any]], statistics: LandmarkStatistics, config: LandmarkRun, *, progress: bool = False
) -> KeptClips:
    """Those that hold a window with a face in it."""
    window = config.landmark_denoiser.window
    return KeptClips(
        clips,
        lambda stored: MovingClip.of(stored, statistics),
        lambda clip: len(clip.starts(window)) > 0,
        config.input,
        progress=progress,
    )


def stack_windows(clips: Sequence[MovingClip], starts: Sequence[int], frames: int, position: np.ndarray) -> Windows:
    """`frames` of each clip from its start on."""
    cuts = [(clip, slice(start, start + frames)) for clip, start in zip(clips, starts, strict=True)]
    fields = ("motion", "audio", "seen")
    motion, audio, seen = (np.stack([getattr(clip, name)[cut] for clip, cut in cuts]) for name in fields)
    return Windows(motion, np.stack([clip.identity for clip in clips]), audio, seen, position)


class Batches(NumberedBatches[Rows]):
    """This process's share of each batch of a run: `Rows` of `Windows`."""

    def __init__(self, clips: KeptClips, config: LandmarkRun, *, process: int = 0, processes: int = 1) -> None:
        size, frames = config.batch_size, config.landmark_denoiser.window
        positions = np.arange(size, dtype=np.int32)[process::processes]
        order = Order(len(clips), config.seed)

        def make(number: int) -> Rows:
            share = [clips[index] for index in order[number * size + positions.astype(np.int64)]]
            fractions = np.random.default_rng([config.seed, 1, number]).random(size)[positions]
            starts = [clip.start(fraction, frames) for clip, fraction in zip(share, fractions, strict=True)]
            sources = [f"{clip.name} from frame {start}" for clip, start in zip(share, starts, strict=True)]
            return Rows(stack_windows(share, starts, frames, positions), sources)

        super().__init__(make, config.steps, threads=config.input.threads, prefetch=config.input.prefetch)


def fixed_windows(clips: KeptClips, count: int, config: LandmarkRun) -> Windows:
    """`count` windows, spread evenly over the clips and inside them."""
    rounds, frames = -(-count // len(clips)), config.landmark_denoiser.window
    chosen = [clips[i % len(clips)] for i in range(count)]
    starts = [clip.start((i // len(clips) + 0.5) / rounds, frames) for i, clip in enumerate(chosen)]
    return stack_windows(chosen, starts, frames, np.arange(count, dtype=np.int32))


def check_clips(clips: KeptClips, config: LandmarkRun, where: str) -> None:
    """Raises InputError where there is nothing to train on, or what clips have is of another size."""
    sizes = config.landmark_denoiser
    if not clips:
        raise InputError(f"No clip in {where} has the {sizes.window} frames that a sample takes, and a face in them.")
    found = clips[0]
    for size, wanted, setting in (
        (found.audio.shape[1], sizes.audio_features, "landmark_denoiser.audio_features"),
        (found.identity.size, sizes.motion_size, "three times landmark_denoiser.points"),
    ):
        if size != wanted:
            raise InputError(f"{where} has {size} numbers per frame where {setting} asks for {wanted}.")
