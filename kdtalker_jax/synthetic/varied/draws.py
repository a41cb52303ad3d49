"""Random numbers for people, who are made on the host: a program that makes them takes minutes to compile."""

from collections.abc import Sequence

import numpy as np

Number = float | np.ndarray


class Draws:
    """Numbers of one generator, in the order in which they are asked for; arrays or () of float32."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def uniform(self, low: Number, high: Number, shape: tuple[int, ...] = ()) -> np.ndarray:
        """Between two numbers."""
        return np.asarray(low + (high - low) * self._rng.random(shape), np.float32)

    def around(self, middle: Number, spread: float, shape: tuple[int, ...] = ()) -> np.ndarray:
        """A bounded bell: nothing falls outside middle +- 2.2 spread."""
        return np.asarray(middle + spread * np.clip(self._rng.normal(size=shape), -2.2, 2.2), np.float32)

    def chance(self, share: Number) -> np.ndarray:
        """1 in a `share` of all cases, else 0: ()."""
        return np.asarray(self._rng.random() < share, np.float32)

    def sometimes(self, share: Number, value: np.ndarray) -> np.ndarray:
        """The value in a `share` of all cases, else 0."""
        return self.chance(share) * value

    def choice(self, weights: Sequence[float]) -> int:
        """A number from 0 on, by its weight."""
        weights = np.asarray(weights, np.float64)
        return int(self._rng.choice(len(weights), p=weights / weights.sum()))

    def seed(self) -> np.ndarray:
        """A whole number that float32 holds."""
        return np.asarray(self._rng.integers(2**20), np.float32)
