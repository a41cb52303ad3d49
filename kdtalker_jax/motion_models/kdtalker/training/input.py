"""From clips on disk to batches of windows.

The order of the clips follows from the seed, the places of a batch's windows in their clips from the seed and the
number of the batch. So a batch is known by its number alone: on any number of processes, after any interruption.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from configs.training import InputConfig, TrainingConfig
from kdtalker_jax.errors import InputError
from kdtalker_jax.motion_models.kdtalker.training.loss import Windows
from kdtalker_jax.spaces.keypoints import Coefficients
from kdtalker_jax.training.batches import NumberedBatches, Order
from kdtalker_jax.training.kept_clips import KeptClips


class MotionClip(NamedTuple):
    """What training needs of a clip of a data set: F frames of motion, A frames of sound."""

    name: str
    motion: np.ndarray  # (F, 70) in the units of the motion extractor
    canonical: np.ndarray  # (F, 63): canonical keypoints
    audio: np.ndarray  # (A, 512)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "MotionClip":
        """From the fields that `data.clips.Clips` describes."""
        columns = [np.reshape(stored[name], (len(stored["yaw"]), -1)) for name in Coefficients._fields]
        motion = np.concatenate(columns, axis=1, dtype=np.float32)
        return cls(stored["name"], motion, *(np.asarray(stored[name], np.float32) for name in ("kp", "audio")))

    @property
    def usable_length(self) -> int:
        """Frames that windows are cut from: without the last of the motion and the last two of the audio."""
        return min(len(self.motion) - 1, len(self.audio) - 2)

    @property
    def nbytes(self) -> int:
        return self.motion.nbytes + self.canonical.nbytes + self.audio.nbytes

    def start(self, fraction: float, length: int) -> int:
        """Where a window begins, for a number from 0 to below 1: uniform, as published, both ends included."""
        return int(fraction * (self.usable_length - length))

    def window(self, start: int, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Motion (1 + L, 70), canonical (63,) and audio (L, 512) of the frame `start` and those after it; no copies."""
        after = slice(start + 1, start + 1 + length)
        return self.motion[start : start + 1 + length], self.canonical[start], self.audio[after]


class Batch(NamedTuple):
    """One process's share of a batch, and where each of its windows comes from."""

    windows: Windows
    sources: list[str]


class UsableClips(KeptClips):
    """The clips of a split that are long enough."""

    def __init__(
        self, clips: Sequence[Mapping[str, Any]], window: int, settings: InputConfig, *, progress: bool = False
    ) -> None:
        super().__init__(clips, MotionClip.of, lambda clip: clip.usable_length > window, settings, progress=progress)


def check_clips(clips: UsableClips, config: TrainingConfig, where: str) -> None:
    """Raises InputError where there is nothing to train on, or features of another size than the denoiser takes."""
    window, denoiser = config.denoiser.window, config.denoiser
    if not clips:
        raise InputError(
            f"No clip in {where} is long enough for a window of {window} frames: motion needs {window + 2} frames, "
            f"audio {window + 3}."
        )
    found = clips[0]
    for array, size, setting in (
        (found.audio, denoiser.audio_features, "denoiser.audio_features"),
        (found.canonical, 3 * denoiser.keypoints, "three times denoiser.keypoints"),
    ):
        if array.shape[1] != size:
            raise InputError(f"{where} has {array.shape[1]} numbers per frame where {setting} asks for {size}.")


def stack_windows(clips: Sequence[MotionClip], starts: Sequence[int], length: int, position: np.ndarray) -> Windows:
    """Copies one window of each clip into a batch."""
    motion, canonical, audio = clips[0].window(starts[0], length)
    count = len(clips)
    windows = Windows(
        np.empty((count, *motion.shape), np.float32),
        np.empty((count, *canonical.shape), np.float32),
        np.empty((count, *audio.shape), np.float32),
        position,
    )
    for i, (clip, start) in enumerate(zip(clips, starts, strict=True)):
        windows.motion[i], windows.canonical[i], windows.audio[i] = clip.window(start, length)
    return windows


class Batches(NumberedBatches[Batch]):
    """This process's share of each batch of a run.

    Where a batch has more samples than there are clips, some come several times in it, with other windows.
    """

    def __init__(self, clips: UsableClips, config: TrainingConfig, *, process: int = 0, processes: int = 1) -> None:
        size, length = config.batch_size, config.denoiser.window
        positions = np.arange(size, dtype=np.int32)[process::processes]
        order = Order(len(clips), config.seed)

        def cut(number: int) -> Batch:
            share = [clips[index] for index in order[number * size + positions.astype(np.int64)]]
            fractions = np.random.default_rng([config.seed, 1, number]).random(size)[positions]
            starts = [clip.start(fraction, length) for clip, fraction in zip(share, fractions, strict=True)]
            sources = [f"{clip.name} from frame {start}" for clip, start in zip(share, starts, strict=True)]
            return Batch(stack_windows(share, starts, length, positions), sources)

        super().__init__(cut, config.steps, threads=config.input.threads, prefetch=config.input.prefetch)
