"""From sound to vectors of motion, by a system's features and motion model; of many recordings side by side too."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.animation import Animation
from kdtalker_jax.batching import one_ahead
from kdtalker_jax.errors import made_by_network
from kdtalker_jax.features.protocol import Features
from kdtalker_jax.media.rates import num_frames
from kdtalker_jax.media.waveforms import in_pieces
from kdtalker_jax.motion_models.protocol import MotionModel
from kdtalker_jax.motion_models.windows import Pending, motion_windows, rows_of, windows_together
from kdtalker_jax.seeds import random_key
from kdtalker_jax.source import Source
from kdtalker_jax.spaces.protocol import Space


@dataclass(frozen=True)
class Performer:
    """What turns sound into motion, and the parameters. Waveforms are of 16 kHz."""

    features: Features
    motion_model: MotionModel
    space: Space
    params: Any

    def windows_of(self, waveform: np.ndarray) -> int:
        """How many windows of motion it takes."""
        return -(-num_frames(len(waveform)) // self.motion_model.length)

    def hear(self, pieces: Iterable[np.ndarray]) -> Iterator[np.ndarray | jax.Array]:
        """Features (n, width) of each window of motion."""
        return self.features.windows(self.params, pieces, rows_of(self.motion_model))

    def perform(
        self, source: Source, pieces: Iterable[np.ndarray], asked: Animation, windows: int | None
    ) -> Iterator[Pending]:
        """Windows of motion of a waveform in pieces. What is asked for is checked before any is taken.

        Args:
            source: the portrait.
            windows: how many there will be; None: not known yet.
        """
        rule, controls, noise = asked.of(self.motion_model, windows)
        heard, key = self.hear(pieces), random_key(asked.seed)
        return motion_windows(self.motion_model, self.params, rule, source.own, heard, key, controls, noise)

    def perform_together(
        self, sources: Sequence[Source], waveforms: Sequence[np.ndarray], asked: Sequence[Animation]
    ) -> list[list[np.ndarray]]:
        """The vectors (n, D) of all windows of several recordings; what they ask for differs in the seed alone."""
        rule, controls, _ = asked[0].of(self.motion_model, None)
        heard = [self.hear(in_pieces(waveform)) for waveform in waveforms]
        keys = jnp.stack([random_key(one.seed) for one in asked])
        own = [source.own for source in sources]
        rounds = windows_together(self.motion_model, self.params, rule, own, heard, keys, controls)
        vectors: list[list[np.ndarray]] = [[] for _ in waveforms]
        for windows, _ in one_ahead(lambda windows: windows, rounds):
            for i, window in enumerate(windows):
                vectors[i] += [] if window is None else [self.vectors(window)]
        return vectors

    def vectors(self, window: Pending) -> np.ndarray:
        """Waits for a window: vectors (n, D) of the space. Raises DamagedModelError where they can be no motion."""
        vectors = window.vectors(self.motion_model)
        made_by_network(self.space.from_vectors, vectors)
        return vectors
