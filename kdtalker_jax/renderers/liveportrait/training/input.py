"""From clips with pictures to batches for training the renderer.

As in `input`: a batch is known by its number alone, on any number of processes and after any interruption.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from configs.renderer import PhaseConfig, RendererConfig
from kdtalker_jax.data.clips import SPLITS, decode_frame
from kdtalker_jax.data.landmarks import LANDMARKS
from kdtalker_jax.errors import InputError
from kdtalker_jax.renderers.liveportrait.training.reenactment import output_size, source_size
from kdtalker_jax.renderers.liveportrait.training.step import Pictures
from kdtalker_jax.streams import progress_bar
from kdtalker_jax.training.batches import NumberedBatches, Order

STATE = ("yaw", "pitch", "roll", "x", "y", "size")
_UPPER_LIDS = [LANDMARKS.index(f"{side} upper lid") for side in ("left", "right")]
_LOWER_LIDS = [LANDMARKS.index(f"{side} lower lid") for side in ("left", "right")]
NO_DATA = "Renderers are trained on a data set of pictures, drawn or kept by pipelines.extract: name it as `data`."


class FaceClip(NamedTuple):
    """What training needs of a clip of F frames; NaN where the data set knows no truth."""

    name: str
    jpeg: Sequence[bytes]  # F encoded frames
    state: np.ndarray  # (F, 6): as STATE
    landmarks: np.ndarray  # (F, L, 2), L = 0 where the data set has none
    performance: int | None  # the same for clips of other heads with the same motion

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "FaceClip":
        """From the fields of a synthetic data set, or of one that `pipelines.extract --keep_frames` has made."""
        jpeg, name = list(stored["jpeg"]), stored["name"]
        unknown = np.full(len(jpeg), np.nan)
        known = stored if jpeg else {}  # of a clip whose frames were not kept, which is refused later
        state = np.stack([known.get(field, unknown) for field in STATE], axis=1).astype(np.float32)
        landmarks = np.asarray(stored.get("landmarks", np.zeros((len(jpeg), 0, 2))), np.float32)
        performance = int(stored["performance"]) if "performance" in stored else None
        return cls(name.decode() if isinstance(name, bytes) else name, jpeg, state, landmarks, performance)

    @property
    def nbytes(self) -> int:
        return sum(map(len, self.jpeg)) + self.state.nbytes + self.landmarks.nbytes

    def picture(self, frame: int) -> np.ndarray:
        """uint8 RGB (H, W, 3)."""
        return decode_frame(self.jpeg[frame])

    def other_lids(self, frame: int) -> int | None:
        """The frame whose lids are the least like those of `frame`, a blink where that has open eyes; if known."""
        if not self.landmarks.shape[1]:
            return None
        opened = (self.landmarks[:, _LOWER_LIDS] - self.landmarks[:, _UPPER_LIDS])[..., 1].sum(axis=1)  # (F,)
        other = np.abs(opened - opened[frame])
        return int(np.nan_to_num(other).argmax()) if np.isfinite(other).any() else None


class FaceClips(Sequence[FaceClip]):
    """The clips of a split, kept in memory, still encoded, as far as there is room."""

    def __init__(self, source: Sequence[Mapping[str, Any]], cache_gb: float, *, progress: bool = False) -> None:
        self._source, self._kept, self._room = source, {}, cache_gb * 2**30
        self._twins: dict[int, list[int]] = defaultdict(list)
        self._performance: list[int | None] = []
        for index in progress_bar(range(len(source)), "Reading clips", unit="clip", show=progress):
            performance = self[index].performance
            self._performance.append(performance)
            if performance is not None:
                self._twins[performance].append(index)

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> FaceClip:
        clip = self._kept.get(index)
        if clip is None:
            clip = FaceClip.of(self._source[range(len(self))[index]])
            if clip.nbytes <= self._room:
                self._room -= clip.nbytes
                self._kept[index] = clip
        return clip

    def twins(self, index: int) -> list[int]:
        """Clips of other heads with the same motion."""
        return [other for other in self._twins.get(self._performance[index], ()) if other != index]


def open_faces(data: Path, split: str, cache_gb: float, *, progress: bool = False) -> FaceClips:
    """Raises InputError where the folder is no data set, or its clips have no frames."""
    import tensorflow_datasets as tfds  # takes a second

    if split not in SPLITS:
        raise InputError(f"There is no split {split!r}: choose one of {', '.join(SPLITS)}.")
    try:
        builder = tfds.builder_from_directory(data.resolve())
        source = builder.as_data_source(split) if split in builder.info.splits else ()
        clips = FaceClips(source, cache_gb, progress=progress)
    except Exception as error:  # TFDS and array_record raise many kinds
        raise InputError(f"{data} is not a data set, or is damaged ({error}): make it again.") from error
    if any(not clip.jpeg for clip in clips):
        raise InputError(f"{data} has no frames: make it again with python -m pipelines.extract --keep_frames.")
    return clips


def any_moving(clips: FaceClips) -> bool:
    """Whether a clip has two frames, so that one can drive the other."""
    return any(len(clip.jpeg) > 1 for clip in clips)


class Choice(NamedTuple):
    """One sample: a source frame, and driving frames of the same clip or of a twin."""

    clip: int
    driving_clip: int
    source: int
    driving: tuple[int, ...]


class RendererBatch(NamedTuple):
    """One process's share of a batch, and where it comes from."""

    pictures: Pictures
    sources: list[str]
    phase: int


class RendererBatches(NumberedBatches[RendererBatch]):
    """This process's share of each batch of a run, decoded by grain's threads ahead of time."""

    def __init__(self, clips: FaceClips, config: RendererConfig, *, process: int = 0, processes: int = 1) -> None:
        self._clips, self._config = clips, config
        self._mine = slice(process, None, processes)
        self._order = Order(len(clips), config.seed)
        self._starts = np.cumsum([0] + [phase.steps * phase.batch_size for phase in config.phases])
        super().__init__(self._batch, config.steps, threads=config.frames.threads, prefetch=config.frames.prefetch)

    def _batch(self, number: int) -> RendererBatch:
        config, phase_number = self._config, self._config.phase_of(number)
        phase = config.phases[phase_number]
        before = sum(earlier.steps for earlier in config.phases[:phase_number])
        positions = np.arange(phase.batch_size, dtype=np.int32)[self._mine]
        first = int(self._starts[phase_number]) + (number - before) * phase.batch_size
        clips = self._order[first + positions.astype(np.int64)]
        choices = [
            self._choose(int(clip), np.random.default_rng([config.seed, 1, number, int(position)]))
            for clip, position in zip(clips, positions, strict=True)
        ]
        sources = [f"{self._clips[choice.clip].name} frame {choice.source}" for choice in choices]
        return RendererBatch(stack_pictures(self._clips, choices, config, phase, positions), sources, phase_number)

    def _choose(self, clip: int, random: np.random.Generator) -> Choice:
        settings, twins = self._config.frames, self._clips.twins(clip)
        frames = len(self._clips[clip].jpeg)
        source, *drawn = random.integers(frames, size=1 + settings.drivings).tolist()
        far = [frame for frame in range(frames) if abs(frame - source) >= settings.apart] or range(frames)
        driving = tuple(far[number * len(far) // frames] for number in drawn)
        crosses, twin = random.random() < settings.cross, random.random()
        other = twins[int(twin * len(twins))] if crosses and twins else clip
        blink = self._clips[clip].other_lids(source) if random.random() < settings.blinks else None
        if blink is not None:
            driving = (blink, *driving[1:])
        return Choice(clip, other, source, driving)


def stack_pictures(
    clips: FaceClips, choices: Sequence[Choice], config: RendererConfig, phase: PhaseConfig, positions: np.ndarray
) -> Pictures:
    """Decodes the frames of some samples at the sizes of a phase."""
    found = config.motion_extractor.image_size
    sizes = (source_size(config, phase), found, output_size(config, phase))
    samples = [_sample(clips, choice, *sizes) for choice in choices]
    return Pictures(*(np.stack(column) for column in zip(*samples, strict=True)), positions)


def _sample(clips: FaceClips, choice: Choice, source_size: int, motion_size: int, target_size: int) -> tuple:
    clip, driving_clip = clips[choice.clip], clips[choice.driving_clip]
    source = clip.picture(choice.source)
    targets = [clip.picture(frame) for frame in choice.driving]
    drivings = targets if clip is driving_clip else [driving_clip.picture(frame) for frame in choice.driving]
    frames = [choice.source, *choice.driving]
    return (
        resized(source, source_size),
        np.stack([resized(picture, motion_size) for picture in (source, *drivings)]),
        np.stack([resized(picture, target_size) for picture in targets]),
        clip.state[frames],
        clip.landmarks[frames],
    )


def resized(picture: np.ndarray, size: int) -> np.ndarray:
    """Averaged where it shrinks."""
    if picture.shape[:2] == (size, size):
        return picture
    shrinks = picture.shape[0] > size
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def fixed_choices(clips: FaceClips, count: int, *, cross: bool) -> list[Choice]:
    """`count` samples with one driving frame each, spread over clips and frames; empty without twins for `cross`."""
    able = [index for index in range(len(clips)) if not cross or clips.twins(index)]
    random = np.random.default_rng(0)
    choices = []
    for i in range(count if able else 0):
        clip = able[i * len(able) // count if count <= len(able) else i % len(able)]
        source, driving = random.integers(len(clips[clip].jpeg), size=2).tolist()
        choices.append(Choice(clip, clips.twins(clip)[0] if cross else clip, source, (driving,)))
    return choices
