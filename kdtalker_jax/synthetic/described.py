"""Performances of the synthetic world as a motion model learns from them: described by a model's own networks.

What `data.extraction` does with videos, for heads that are drawn when they are needed: no picture is kept.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.data.clips import Clip
from kdtalker_jax.data.extraction import ClipNetworks, describing_parts, networks_fingerprint
from kdtalker_jax.data.work import Task
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.seeds import random_key
from kdtalker_jax.synthetic.clips import one_person
from kdtalker_jax.synthetic.drawing import draw_frames
from kdtalker_jax.synthetic.feelings import Felt, feel, unfelt
from kdtalker_jax.synthetic.guiding import guided_expression
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.performance import framed, random_performance
from kdtalker_jax.synthetic.state import State, at_rest

RESTING = 8  # drawings of a face at rest, in poses of the performance


class Acted(NamedTuple):
    """Somebody's performance."""

    person: Person
    states: State  # (F,), with what is felt
    waveform: np.ndarray
    felt: Felt | None  # of people who feel


class NumberedPerformances:
    """What makers of clips of performances share (`work.ClipMaker`s): each is known by a number instead of a file.

    Args:
        checkpoint: its networks describe what is drawn and heard.
        seed: of all performances and of the people who give them.
        frames: of each, 25 a second.
        look: of the people, one of `clips.LOOKS`.
        feelings: whether people of a look that has feelings show them.
        batch_size: frames that are described at a time on each device.
        others: what else clips depend on.
    """

    def __init__(
        self,
        checkpoint: Path,
        seed: int,
        frames: int,
        *,
        look: str,
        feelings: bool,
        batch_size: int = 16,
        others: Sequence[Any],
    ) -> None:
        loaded = load_checkpoint(checkpoint)
        loaded.require(*describing_parts(loaded))
        self._checkpoint, self._seed, self._frames, self._look = checkpoint, seed, frames, look
        self._feelings, self._batch_size = feelings, batch_size
        if not feelings:
            others = (*others, "unfelt")
        self.system = loaded.system.name
        self.fingerprint = networks_fingerprint(loaded, (seed, frames, *others))

    def tasks(self, count: int, work: Path, prefix: str = "") -> list[Task]:
        """The first `count` performances, with names that begin so; results go to the folder `work`."""
        made_by = self.fingerprint[:16]
        return [Task(f"{prefix}{i:06d}", Path(f"{i}"), work / f"{made_by}_{i:06d}") for i in range(count)]

    @cached_property
    def _networks(self) -> ClipNetworks:
        return ClipNetworks(load_checkpoint(self._checkpoint), self._batch_size)

    def _act(self, path: Path) -> Acted:
        """The performance whose number is the path's name."""
        number = int(path.name)
        rng = np.random.default_rng([self._seed, number])
        performance = random_performance(rng, self._frames)
        felt = None
        if self._look == "varied":
            states = framed(rng, performance.states)
            felt = feel(rng, states) if self._feelings else unfelt(states)
        person = one_person(jax.random.fold_in(random_key(self._seed), number), self._look)
        return Acted(person, performance.states if felt is None else felt.states, performance.waveform, felt)


class DescribedPerformances(NumberedPerformances):
    """Makes clips of what the networks see and hear.

    Args:
        size: of the pictures, one that `Renderer.observe` takes; None: as large as portraits.
        guided: by keypoint, the landmark that it was guided to, or "": these are where the landmarks are, not where
            they are found.
    """

    def __init__(
        self,
        checkpoint: Path,
        seed: int,
        frames: int,
        batch_size: int = 16,
        look: str = "plain",
        size: int | None = None,
        guided: Sequence[str] = (),
        feelings: bool = True,
    ) -> None:
        others = (look, size) if look != "plain" or size else ()
        if look == "varied":  # whose clips say what is felt
            others = (*others, "felt")
        if guided:
            others = (*others, guided)
        super().__init__(checkpoint, seed, frames, look=look, feelings=feelings, batch_size=batch_size, others=others)
        self._size, self._guided = size, guided

    def __call__(self, path: Path) -> Clip:
        """All fields of `clips.Clips` but the name; of people who feel, `emotion` and `intensity` too."""
        acted = self._act(path)
        described, felt = self._seen(acted.person, acted.states), acted.felt
        if self._guided:
            shown = np.linspace(0, self._frames - 1, RESTING).astype(int)
            resting = self._seen(acted.person, at_rest(jax.tree.map(lambda field: field[shown], acted.states)))
            described["exp"] = guided_expression(
                described["exp"], described["scale"], resting["exp"], acted.person, acted.states, self._guided
            )
        return {
            **described,
            **self._networks.hear(acted.waveform, self._frames),
            **({} if felt is None else {"emotion": felt.emotion, "intensity": felt.intensity}),
            "frames": self._frames,
            "source_rate": float(FRAME_RATE),
            "jpeg": [],
        }

    def _seen(self, person: Person, states: State) -> dict[str, np.ndarray]:
        """What the networks find in drawings."""
        return self._networks.describe(draw_frames(person, states, self._size or self._networks.image_size))
