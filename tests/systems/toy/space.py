"""A space of two numbers a frame: how bright the picture is, and how far it has moved to the right."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kdtalker_jax.errors import InputError


@dataclass(frozen=True, eq=False)
class Glow:
    """T frames of brightness and shift; `driving` (T, 2) once a portrait has been given them."""

    numbers: np.ndarray  # (T, 2)
    driving: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    def save(self, path: str | Path) -> None:
        np.savez(path, numbers=self.numbers)

    @classmethod
    def load(cls, path: str | Path) -> "Glow":
        return cls(np.load(path)["numbers"])


@dataclass(frozen=True)
class OwnGlow:
    """A portrait's own: one frame."""

    motion: Glow


@dataclass(frozen=True)
class GlowSpace:
    name = "glow"
    motion = Glow
    smoothed = slice(0, 1)

    def from_vectors(self, vectors: np.ndarray) -> Glow:
        return Glow(np.asarray(vectors, np.float32))

    def to_vectors(self, motion: Glow) -> np.ndarray:
        return motion.numbers

    def drive(self, own: OwnGlow, motion: Glow, *, relative: bool = False, first: Glow | None = None) -> Glow:
        change = motion.numbers - (first or motion).numbers[:1] if relative else motion.numbers
        return replace(motion, driving=own.motion.numbers + change)

    def check(self, motion: Glow) -> None:
        if not isinstance(motion, Glow):
            raise InputError("The motion is not one of this model's: it has no glow.")

    def driving(self, motion: Glow) -> np.ndarray | None:
        return motion.driving

    def with_driving(self, motion: Glow, driving: np.ndarray) -> Glow:
        return replace(motion, driving=driving)
