"""From clips on disk to batches of windows with the frames before them. A batch is known by its number alone."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from configs.playmate_training import PlaymateRun
from kdtalker_jax.emotions import EMOTIONS, ROWS
from kdtalker_jax.errors import InputError
from kdtalker_jax.motion_models.playmate.config import POSE, AdaptiveStatistics
from kdtalker_jax.motion_models.playmate.normalising import pose_statistics
from kdtalker_jax.spaces.keypoints import Coefficients
from kdtalker_jax.training.batches import NumberedBatches, Order, start_at
from kdtalker_jax.training.kept_clips import KeptClips

NEUTRAL = ROWS.index("neutral")


class LabelledClip(NamedTuple):
    """What training needs of a clip of a data set: F frames of motion and sound."""

    name: str
    motion: np.ndarray  # (F, 70) in the units of the motion extractor
    canonical: np.ndarray  # (63,): canonical keypoints of the first frame
    audio: np.ndarray  # (F, W)
    pose_mean: np.ndarray  # (7,) of the whole clip
    pose_std: np.ndarray  # (7,)
    emotions: np.ndarray  # (F, rows): weights of `emotions.ROWS`

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "LabelledClip":
        """From the fields that `data.clips.Clips` describes, with or without labels."""
        columns = [np.reshape(stored[name], (len(stored["yaw"]), -1)) for name in Coefficients._fields]
        motion, audio = np.concatenate(columns, axis=1, dtype=np.float32), np.asarray(stored["audio"], np.float32)
        frames = min(len(motion), len(audio))
        emotions = label_weights(stored["name"], stored.get("emotion", -1), stored.get("intensity", 1.0), len(motion))
        return cls(
            stored["name"],
            motion[:frames],
            np.array(stored["kp"][0], np.float32),
            audio[:frames],
            *pose_statistics(motion[:, :POSE]),
            emotions[:frames],
        )

    @property
    def is_labelled(self) -> bool:
        """Whether the emotion of any frame is known."""
        return bool((self.emotions[:, 0] < 1).any())

    @property
    def nbytes(self) -> int:
        return self.motion.nbytes + self.audio.nbytes + self.emotions.nbytes


def label_weights(name: str, emotion: Any, intensity: Any, frames: int) -> np.ndarray:
    """Labels of a clip as weights of `emotions.ROWS`: (F, rows).

    A frame of less than full intensity is a blend of neutral and its emotion.

    Args:
        name: of the clip. emotion: () or (F,) int, -1 where it is not known. intensity: () or (F,), 0 to 1.

    Raises:
        InputError: labels that there are not, or of another number of frames.
    """
    labels, strengths = (np.ravel(np.asarray(values)) for values in (emotion, intensity))
    if {len(labels), len(strengths)} - {1, frames} or labels.dtype.kind not in "iu":
        raise InputError(f"The clip {name} has {len(labels)} labels of emotions for {frames} frames.")
    if labels.min() < -1 or labels.max() >= len(EMOTIONS):
        raise InputError(f"The clip {name} has emotions that are none: labels are from -1 to {len(EMOTIONS) - 1}.")
    if not (strengths.min() >= 0 and strengths.max() <= 1):
        raise InputError(f"The clip {name} has intensities of emotions that are not from 0 to 1.")
    rows = np.eye(len(ROWS), dtype=np.float32)
    labels, strengths = np.broadcast_to(labels.astype(int) + 1, frames), np.broadcast_to(strengths, frames)[:, None]
    weights = strengths * rows[labels] + (1 - strengths) * rows[NEUTRAL]
    return np.where(labels[:, None] == 0, rows[0], weights).astype(np.float32)


class Windows(NamedTuple):
    """L frames of clips and the P before them, in the units of the motion extractor."""

    motion: np.ndarray  # (B, P + L, 70)
    canonical: np.ndarray  # (B, 63)
    audio: np.ndarray  # (B, P + L, W)
    pose_mean: np.ndarray  # (B, 7)
    pose_std: np.ndarray  # (B, 7)
    emotions: np.ndarray  # (B, P + L, rows)
    position: np.ndarray  # (B,) int32: place in the batch over all devices, which decides a sample's random numbers


class Batch(NamedTuple):
    """One process's share of a batch, and where each of its windows comes from."""

    windows: Windows
    sources: list[str]


def usable_clips(
    clips: Sequence[Mapping[str, Any]], config: PlaymateRun, *, labelled: bool, progress: bool = False
) -> KeptClips:
    """Those that are long enough and, where it matters, `labelled`."""
    frames = frames_of(config)

    def usable(clip: LabelledClip) -> bool:
        return len(clip.motion) >= frames and (clip.is_labelled or not labelled)

    return KeptClips(clips, LabelledClip.of, usable, config.input, progress=progress)


def frames_of(config: PlaymateRun) -> int:
    """That a sample takes."""
    return config.diffusion_transformer.previous + config.diffusion_transformer.window


def statistics_of(clips: Sequence[LabelledClip]) -> AdaptiveStatistics:
    """Of a training set, in one pass. Raises InputError for a clip that is not finite."""
    count, sums, squares, spreads, canonical = 0, 0.0, 0.0, [], []
    shift = clips[0].motion[0, POSE:].astype(np.float64)  # so that squares keep their digits
    for clip in clips:
        if not np.isfinite(clip.motion).all():
            raise InputError(f"The motion of the clip {clip.name} is not finite: make the data set again without it.")
        exp = clip.motion[:, POSE:].astype(np.float64) - shift
        count, sums, squares = count + len(exp), sums + exp.sum(axis=0), squares + np.square(exp).sum(axis=0)
        spreads.append(clip.pose_std)
        canonical.append(clip.canonical)
    mean = sums / count
    std = np.sqrt(np.maximum(squares / count - np.square(mean), 0))
    return AdaptiveStatistics(
        exp_mean=_floats(shift + mean),
        exp_std=_floats(_divisible(std)),
        kp_mean=_floats(np.mean(canonical, axis=0, dtype=np.float64)),
        kp_std=_floats(_divisible(np.std(canonical, axis=0, dtype=np.float64))),
        pose_spread=_floats(np.median(spreads, axis=0)),
    )


def _divisible(std: np.ndarray) -> np.ndarray:
    """1 for what does not vary, but for rounding."""
    return np.where(std > 1e-7, std, 1.0)


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in np.asarray(values, np.float32))


def stack_windows(clips: Sequence[LabelledClip], starts: Sequence[int], frames: int, position: np.ndarray) -> Windows:
    """`frames` of each clip from its start on."""
    cuts = [slice(start, start + frames) for start in starts]

    def cut(name: str) -> np.ndarray:
        return np.stack([getattr(clip, name)[part] for clip, part in zip(clips, cuts, strict=True)])

    whole = (np.stack([getattr(clip, name) for clip in clips]) for name in ("canonical", "pose_mean", "pose_std"))
    canonical, mean, std = whole
    return Windows(cut("motion"), canonical, cut("audio"), mean, std, cut("emotions"), position)


class Batches(NumberedBatches[Batch]):
    """This process's share of each batch of a run."""

    def __init__(self, clips: KeptClips, config: PlaymateRun, *, process: int = 0, processes: int = 1) -> None:
        size, frames = config.batch_size, frames_of(config)
        positions = np.arange(size, dtype=np.int32)[process::processes]
        order = Order(len(clips), config.seed)

        def make(number: int) -> Batch:
            share = [clips[index] for index in order[number * size + positions.astype(np.int64)]]
            fractions = np.random.default_rng([config.seed, 1, number]).random(size)[positions]
            starts = [
                start_at(len(clip.motion), fraction, frames) for clip, fraction in zip(share, fractions, strict=True)
            ]
            sources = [f"{clip.name} from frame {start}" for clip, start in zip(share, starts, strict=True)]
            return Batch(stack_windows(share, starts, frames, positions), sources)

        super().__init__(make, config.steps, threads=config.input.threads, prefetch=config.input.prefetch)


def check_clips(clips: KeptClips, config: PlaymateRun, where: str, *, labelled: bool) -> None:
    """Raises InputError where there is nothing to train on, or what clips have is of another size."""
    sizes = config.diffusion_transformer
    if not clips:
        known = " and its emotion is known" if labelled else ""
        raise InputError(f"No clip in {where} has the {frames_of(config)} frames that a sample takes{known}.")
    found = clips[0]
    for size, wanted, setting in (
        (found.audio.shape[1], sizes.audio_features, "diffusion_transformer.audio_features"),
        (found.canonical.size, 3 * sizes.keypoints, "three times diffusion_transformer.keypoints"),
    ):
        if size != wanted:
            raise InputError(f"{where} has {size} numbers per frame where {setting} asks for {wanted}.")
