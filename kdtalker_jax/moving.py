"""From motion to motion that moves a portrait: smoothed, relative, stitched, or following a driver."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from kdtalker_jax.animation import Animation
from kdtalker_jax.edits.reenacting import Reenactment, moved_by
from kdtalker_jax.edits.smoothing import smoothed
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.renderers.protocol import Renderer
from kdtalker_jax.source import Source
from kdtalker_jax.sources.driver import Driver
from kdtalker_jax.spaces.protocol import Space


@dataclass(frozen=True)
class Mover:
    """The renderer that motion is for, and the parameters."""

    renderer: Renderer
    params: Any

    @property
    def space(self) -> Space:
        return self.renderer.takes

    def drive(
        self, source: Source, motion: Any, *, relative: bool = False, stitch: bool = False, first: Any = None
    ) -> Any:
        """As `TalkingPortrait.drive`."""
        motion = self.space.drive(source.own, motion, relative=relative, first=first)
        if stitch:
            stitched = self.renderer.stitch(self.params, source.arrays, self.space.driving(motion))
            motion = self.space.with_driving(motion, stitched)
        return motion

    def whole(self, source: Source, vectors: Sequence[np.ndarray], asked: Animation) -> Any:
        """The motion of the vectors (n, D) of all windows."""
        smooth = smoothed([np.concatenate(vectors)], float(asked.smooth), self.space.smoothed)
        motion = self.space.from_vectors(np.concatenate(list(smooth)))
        return self.drive(source, motion, relative=asked.relative, stitch=asked.stitch)

    def pieces(self, source: Source, vectors: Iterable[np.ndarray], asked: Animation) -> Iterator[Any]:
        """The same as windows come, as far as smoothing has settled it."""
        first = None
        for piece in smoothed(vectors, float(asked.smooth), self.space.smoothed):
            motion = self.space.from_vectors(piece)
            first = first or motion
            yield self.drive(source, motion, relative=asked.relative, stitch=asked.stitch, first=first)

    def follow(self, source: Source, driver: Driver, how: Reenactment, sound: Any = None) -> Any:
        """The portrait's motion by a driver of any rate, and by the motion that sound made of it, if any."""
        self.space.check(driver.motion)
        driver = driver.at_rate(Fraction(FRAME_RATE))
        networks = self.renderer.retargeting(self.params) if how.stitch or how.needs_openings else None
        openings = {"openings": driver.openings, "own_openings": source.openings}
        return moved_by(source.own, driver.motion, how, networks, sound=sound, **openings)
