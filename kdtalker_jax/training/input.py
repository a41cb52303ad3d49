"""From clips on disk to batches of windows.

The order of the clips follows from the seed, the place of a window in its clip from the seed and its position in that
order. So a batch is known by its number alone: on any number of processes, and after any interruption.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import grain
import numpy as np
from tqdm import tqdm

from configs.training import InputConfig, TrainingConfig
from kdtalker_jax.errors import InputError
from kdtalker_jax.motion.coefficients import Coefficients
from kdtalker_jax.training.loss import Windows

Clip = Mapping[str, Any]  # of a data set (see `data.clips.Clips`), as far as training needs it
FIELDS = ("name", *Coefficients._fields, "kp", "audio")


class Batch(NamedTuple):
    """One process's share of a batch, and where each of its windows comes from."""

    windows: Windows
    sources: list[str]


def usable_length(clip: Clip) -> int:
    """Frames of a clip that windows are cut from: without the last of the motion and the last two of the audio."""
    return min(len(clip["yaw"]) - 1, len(clip["audio"]) - 2)


def cut_window(clip: Clip, start: int, length: int) -> dict[str, np.ndarray]:
    """The frame `start` as reference and the `length` frames after it; fields of `Windows`, without position."""
    frames = slice(start, start + 1 + length)
    columns = [np.reshape(clip[name][frames], (1 + length, -1)) for name in Coefficients._fields]
    return {
        "motion": np.concatenate(columns, axis=1, dtype=np.float32),  # (1 + L, 70)
        "canonical": np.asarray(clip["kp"][start], np.float32),  # (63,)
        "audio": np.asarray(clip["audio"][start + 1 : start + 1 + length], np.float32),  # (L, 512)
    }


def draw_window(clip: Clip, random: np.random.Generator, *, length: int) -> dict[str, Any]:
    """A window from anywhere in the clip, as published: the first frame uniform, both ends included."""
    start = int(random.integers(0, usable_length(clip) - (length + 1), endpoint=True))
    return {**cut_window(clip, start, length), "source": f"{clip['name']} from frame {start}"}


class UsableClips(Sequence):
    """The clips of a split that are long enough, kept in memory as far as there is room.

    Attributes:
        left_out: how many are too short.
    """

    def __init__(self, clips: Sequence[Clip], window: int, settings: InputConfig, *, progress: bool = False) -> None:
        self._clips = clips
        self._kept: dict[int, Clip] = {}
        self._room = settings.cache_gb * 2**30
        bar = partial(tqdm, desc="Reading clips", total=len(clips), unit="clip", disable=not progress)
        with ThreadPoolExecutor(settings.threads) as pool:
            lengths = list(bar(pool.map(lambda index: usable_length(self._read(index)), range(len(clips)))))
        self._usable = [index for index, length in enumerate(lengths) if length > window]
        self.left_out = len(clips) - len(self._usable)

    def __len__(self) -> int:
        return len(self._usable)

    def __getitem__(self, index: int) -> Clip:
        return self._read(self._usable[index])

    def _read(self, index: int) -> Clip:
        clip = self._kept.get(index)
        if clip is None:
            stored = self._clips[index]
            clip = {name: stored[name] for name in FIELDS}
            size = sum(array.nbytes for array in clip.values() if isinstance(array, np.ndarray))
            if size <= self._room:
                self._room -= size
                self._kept[index] = clip
        return clip


def check_clips(clips: UsableClips, config: TrainingConfig, where: str) -> None:
    """Raises InputError where there is nothing to train on, or features of another size than the denoiser takes."""
    window = config.denoiser.window
    if not clips:
        raise InputError(
            f"No clip in {where} is long enough for a window of {window} frames: motion needs {window + 2} frames, "
            f"audio {window + 3}."
        )
    sizes = {
        "audio": ("denoiser.audio_features", config.denoiser.audio_features),
        "exp": ("denoiser.keypoints", 3 * config.denoiser.keypoints),
    }
    for name, (setting, size) in sizes.items():
        found = np.shape(clips[0][name])[-1]
        if found != size:
            raise InputError(f"{where} has {found} numbers of {name} per frame and {setting} asks for {size}.")


class Batches(Iterator[Batch]):
    """This process's share of one batch after another, without end, prepared by threads ahead of time.

    A batch needs not have more samples than there are clips: clips then come several times, with other windows.
    """

    def __init__(self, clips: UsableClips, config: TrainingConfig, *, process: int = 0, processes: int = 1) -> None:
        size = config.batch_size

        def place(index: int, sample: dict[str, Any]) -> dict[str, Any]:
            return {**sample, "position": np.int32(index % size)}

        samples = (
            grain.MapDataset.source(clips)
            .seed(config.seed)
            .shuffle()
            .repeat()
            .random_map(partial(draw_window, length=config.denoiser.window))
            .map_with_index(place)
        )
        batches = samples[process::processes].batch(size // processes)
        options = grain.ReadOptions(num_threads=config.input.threads, prefetch_buffer_size=config.input.prefetch)
        self._iterator = iter(batches.to_iter_dataset(options))

    def __next__(self) -> Batch:
        batch = next(self._iterator)
        sources = batch.pop("source").tolist()
        return Batch(Windows(**batch), sources)

    @property
    def state(self) -> dict[str, Any]:
        """Where the next batch is: the same in all processes, and for any number of them."""
        return self._iterator.get_state()

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self._iterator.set_state(state)
