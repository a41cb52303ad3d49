"""A driver: a face's motion at its own rate, whose motion others are moved by."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from kdtalker_jax.edits.resampling import between, positions_at, resampled
from kdtalker_jax.edits.retargeting import Openings
from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.heads import heads_of, motion_of
from kdtalker_jax.spaces.keypoints import Motion

DEFAULT_RATE = Fraction(25)


@dataclass(frozen=True, eq=False)
class Driver:
    """Where a motion comes from that no model has made.

    Attributes:
        motion: T frames; one is a picture.
        rate: frames a second.
        openings: of eyes and lips in each frame, where they are known.
        canonical: (T, 3 K) keypoints without pose and expression, where they are known.
        held: how many frames showed no face, and have the motion of the one before.

    Raises:
        InputError: a rate that is none, or other numbers of frames.
    """

    motion: Motion
    rate: Fraction = DEFAULT_RATE
    openings: Openings | None = None
    canonical: np.ndarray | None = None
    held: int = 0

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise InputError(f"A driver needs more than {self.rate} frames a second.")
        shapes = {"canonical": self.motion.exp.shape}
        parts = {"canonical": self.canonical}
        if self.openings is not None:
            parts |= {"eyes": self.openings.eyes, "lips": self.openings.lips}
            shapes |= {"eyes": (len(self.motion), 2), "lips": (len(self.motion),)}
        for name, part in parts.items():
            if part is not None and (part.shape != shapes[name] or not np.isfinite(part).all()):
                raise InputError(f"The driver's {name} are not finite numbers of shape {shapes[name]}.")

    def __len__(self) -> int:
        return len(self.motion)

    def at_rate(self, rate: Fraction) -> "Driver":
        """The same at another rate: positions linearly, rotations by slerp."""
        if rate == self.rate or len(self) == 1:
            return Driver(self.motion, rate, self.openings, self.canonical, self.held)
        where = positions_at(len(self), self.rate, rate)
        openings, canonical = self.openings, self.canonical
        if openings is not None:
            openings = Openings(between(openings.eyes, *where), between(openings.lips, *where))
        if canonical is not None:
            canonical = between(canonical, *where)
        motion = motion_of(resampled(heads_of(self.motion), self.rate, rate))
        return Driver(motion, rate, openings, canonical, self.held)

    def cut(self, frames: int) -> "Driver":
        """The first frames."""
        openings = None if self.openings is None else self.openings.at(slice(frames))
        canonical = None if self.canonical is None else self.canonical[:frames]
        return Driver(self.motion[:frames], self.rate, openings, canonical, self.held)
