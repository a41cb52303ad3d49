"""Drawn heads as DreamHead learns from them: with the dense landmarks that they are drawn by."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np

from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.data.clips import SPLITS, Clip
from kdtalker_jax.data.extraction import ClipNetworks, describing_parts, networks_fingerprint
from kdtalker_jax.data.work import Task
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.seeds import random_key
from kdtalker_jax.synthetic.builder import World, open_world, states_of
from kdtalker_jax.synthetic.clips import one_person, unflatten_person
from kdtalker_jax.synthetic.contours import contours
from kdtalker_jax.synthetic.feelings import feel
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.performance import framed, random_performance
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


class TracedPerformances:
    """Makes clips of performances (a `work.ClipMaker`), each by a number instead of a file: landmarks and sound.

    Args:
        checkpoint: its features hear what is spoken.
        seed: of all performances and of the people who give them.
        frames: of each, 25 a second.
        look: of the people, one of `clips.LOOKS`.
    """

    system = SYSTEM

    def __init__(self, checkpoint: Path, seed: int, frames: int, look: str = "plain") -> None:
        loaded = load_checkpoint(checkpoint)
        loaded.require(*describing_parts(loaded))
        self._checkpoint, self._seed, self._frames, self._look = checkpoint, seed, frames, look
        self.fingerprint = networks_fingerprint(loaded, (seed, frames, look))

    def tasks(self, count: int, work: Path) -> list[Task]:
        """The first `count` performances; results go to the folder `work`."""
        return [Task(f"{i:06d}", Path(f"{i}"), work / f"{self.fingerprint[:16]}_{i:06d}") for i in range(count)]

    @cached_property
    def _networks(self) -> ClipNetworks:
        return ClipNetworks(load_checkpoint(self._checkpoint), batch_size=16)

    def __call__(self, path: Path) -> Clip:
        """The clip of the performance whose number is the path's name."""
        number = int(path.name)
        rng = np.random.default_rng([self._seed, number])
        performance = random_performance(rng, self._frames)
        states = framed(rng, performance.states)
        person = one_person(jax.random.fold_in(random_key(self._seed), number), self._look)
        points = trace(person, feel(rng, states).states if self._look == "varied" else states)
        return {**_of_points(points), **self._networks.hear(performance.waveform, self._frames), "jpeg": []}


def _of_points(points: np.ndarray) -> dict[str, Any]:
    frames = len(points)
    return {
        "points": points,
        "face": np.ones(frames, np.float32),
        "frames": frames,
        "source_rate": float(FRAME_RATE),
    }
