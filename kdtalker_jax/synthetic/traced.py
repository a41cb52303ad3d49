"""Drawn heads as DreamHead learns from them: with the dense landmarks that they are drawn by."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np

from kdtalker_jax.data.clips import SPLITS, Clip
from kdtalker_jax.data.work import Task
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.synthetic.builder import World, open_world, states_of
from kdtalker_jax.synthetic.clips import unflatten_person
from kdtalker_jax.synthetic.contours import contours
from kdtalker_jax.synthetic.described import NumberedPerformances
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.state import State

SYSTEM = "dreamhead_wav2lip"  # whose data sets have landmarks, and the sound features of the demo models

_traced = jax.jit(jax.vmap(contours, in_axes=(None, 0)))


def trace(person: Person, states: State) -> np.ndarray:
    """Landmarks (F, 162, 3) of states (F,), in the order and units of `spaces.landmarks`."""
    return np.asarray(_traced(person, jax.tree.map(np.asarray, states)))


class TracedPictures:
    """Makes clips of a world's (a `work.ClipMaker`): their frames, with landmarks.

    Args:
        world: folder that `builder.build_world` has written.
    """

    system = SYSTEM

    def __init__(self, world: Path) -> None:
        self._world = world
        self.fingerprint = str(world)

    def tasks(self, work: Path) -> list[Task]:
        """All clips; results go to the folder `work`."""
        counts = {split: len(self._splits[split]) for split in SPLITS}
        return [
            Task(f"{split}/{number:06d}", Path(f"{split}/{number}"), work / f"{split}_{number:06d}")
            for split, count in counts.items()
            for number in range(count)
        ]

    @cached_property
    def _splits(self) -> Mapping[str, World]:
        return {split: open_world(self._world, split) for split in SPLITS}

    def __call__(self, path: Path) -> Clip:
        """The clip of that split and number."""
        clip = self._splits[path.parent.name][int(path.name)]
        points = trace(unflatten_person(clip["person"]), states_of(clip))
        return {**_of_points(points), "jpeg": clip["jpeg"]}


class TracedPerformances(NumberedPerformances):
    """Makes clips of landmarks and of what the networks hear."""

    def __init__(self, checkpoint: Path, seed: int, frames: int, look: str = "plain", feelings: bool = True) -> None:
        super().__init__(checkpoint, seed, frames, look=look, feelings=feelings, others=(look,))
        self.system = SYSTEM

    def __call__(self, path: Path) -> Clip:
        """All fields of a clip of DreamHead but the name, without frames."""
        acted = self._act(path)
        points = trace(acted.person, acted.states)
        return {**_of_points(points), **self._networks.hear(acted.waveform, self._frames), "jpeg": []}


def _of_points(points: np.ndarray) -> dict[str, Any]:
    frames = len(points)
    return {
        "points": points,
        "face": np.ones(frames, np.float32),
        "frames": frames,
        "source_rate": float(FRAME_RATE),
    }
