"""Performances of the synthetic world as a motion model learns from them: described by a model's own networks.

What `data.extraction` does with videos, for heads that are drawn when they are needed: no picture is kept.
"""

from functools import cached_property
from pathlib import Path

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
from kdtalker_jax.synthetic.feelings import feel
from kdtalker_jax.synthetic.performance import framed, random_performance


class DescribedPerformances:
    """Makes clips of performances (a `work.ClipMaker`), each by a number instead of a file.

    Args:
        checkpoint: its networks describe what is drawn and heard.
        seed: of all performances and of the people who give them.
        frames: of each, 25 a second.
        batch_size: frames that are described at a time on each device.
        look: of the people, one of `clips.LOOKS`.
        size: of the pictures, one that `Renderer.observe` takes; None: as large as portraits.
    """

    def __init__(
        self,
        checkpoint: Path,
        seed: int,
        frames: int,
        batch_size: int = 16,
        look: str = "plain",
        size: int | None = None,
    ) -> None:
        loaded = load_checkpoint(checkpoint)
        loaded.require(*describing_parts(loaded))
        self._checkpoint, self._seed, self._frames, self._batch_size = checkpoint, seed, frames, batch_size
        self._look, self._size = look, size
        self.system = loaded.system.name
        others = (look, size) if look != "plain" or size else ()
        if look == "varied":  # whose clips say what is felt
            others = (*others, "felt")
        self.fingerprint = networks_fingerprint(loaded, (seed, frames, *others))

    def tasks(self, count: int, work: Path) -> list[Task]:
        """The first `count` performances; results go to the folder `work`."""
        return [Task(f"{i:06d}", Path(f"{i}"), work / f"{self.fingerprint[:16]}_{i:06d}") for i in range(count)]

    @cached_property
    def _networks(self) -> ClipNetworks:
        return ClipNetworks(load_checkpoint(self._checkpoint), self._batch_size)

    def __call__(self, path: Path) -> Clip:
        """The clip of the performance whose number is the path's name; all fields of `clips.Clips` but the name.

        Of people who feel, `emotion` and `intensity` too.
        """
        number = int(path.name)
        rng = np.random.default_rng([self._seed, number])
        performance = random_performance(rng, self._frames)
        felt = feel(rng, framed(rng, performance.states)) if self._look == "varied" else None
        person = one_person(jax.random.fold_in(random_key(self._seed), number), self._look)
        states = performance.states if felt is None else felt.states
        pictures = draw_frames(person, states, self._size or self._networks.image_size)  # (F, S, S, 3)
        return {
            **self._networks.describe(pictures),
            **self._networks.hear(performance.waveform, self._frames),
            **({} if felt is None else {"emotion": felt.emotion, "intensity": felt.intensity}),
            "frames": self._frames,
            "source_rate": float(FRAME_RATE),
            "jpeg": [],
        }
