"""From motion to motion that moves a portrait: smoothed, relative, stitched, or following a driver."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import jax
import numpy as np

from kdtalker_jax.animation import Animation
from kdtalker_jax.edits.editing import Editor, Edits, edits_of
from kdtalker_jax.edits.posing import Axes, posed, poses_for
from kdtalker_jax.edits.reenacting import Reenactment, moved_by
from kdtalker_jax.edits.resampling import between, motion_at, positions_at
from kdtalker_jax.edits.sliders import PUBLISHED, SliderTable
from kdtalker_jax.edits.smoothing import smoothed
from kdtalker_jax.errors import InputError
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.renderers.protocol import Renderer, can_repaint
from kdtalker_jax.source import Source
from kdtalker_jax.sources.driver import Driver
from kdtalker_jax.spaces.heads import angle_between, heads_of
from kdtalker_jax.spaces.keypoints import Motion
from kdtalker_jax.spaces.protocol import Space

FAR = 30.0  # degrees of the head, from where on a seam in a still picture is seen


@dataclass(frozen=True)
class Mover:
    """The renderer that motion is for, its parameters, and the model's sliders."""

    renderer: Renderer
    params: Any
    sliders: SliderTable = PUBLISHED

    @property
    def space(self) -> Space:
        return self.renderer.takes

    def drive(
        self,
        source: Source,
        motion: Any,
        *,
        relative: bool = False,
        stitch: bool = False,
        edits: Any = None,
        first: Any = None,
        start: int = 0,
    ) -> Any:
        """As `TalkingPortrait.drive`, of a motion or the piece of one that begins at frame `start`."""
        edits = edits_of(edits)
        editor = self.editor(source, edits) if edits else None
        motion = self.space.drive(source.own, motion, relative=relative, first=first)
        if editor:
            motion = editor.motion(motion, relative=relative, first=first, start=start)
        return self._stitched(source, motion) if stitch else motion

    def whole(self, source: Source, vectors: Sequence[np.ndarray], asked: Animation) -> Any:
        """The motion of the vectors (n, D) of all windows."""
        smooth = smoothed([np.concatenate(vectors)], float(asked.smooth), self.space.smoothed)
        motion = self.space.from_vectors(np.concatenate(list(smooth)))
        return self.drive(source, motion, **_of(asked))

    def pieces(self, source: Source, vectors: Iterable[np.ndarray], asked: Animation) -> Iterator[Any]:
        """The same as windows come, as far as smoothing has settled it."""
        first, start = None, 0
        for piece in smoothed(vectors, float(asked.smooth), self.space.smoothed):
            motion = self.space.from_vectors(piece)
            first = first or motion
            yield self.drive(source, motion, **_of(asked), first=first, start=start)
            start += len(piece)

    def check(self, source: Source, asked: Animation) -> None:
        """Raises InputError for edits or stitching that this portrait or model cannot have: before any work."""
        if asked.edits:
            self.editor(source, asked.edits)
        if asked.stitch and can_repaint(self.renderer):
            self._stitched(source, source.own.motion)  # which says why it cannot

    def editor(self, source: Source, edits: Edits) -> Editor:
        """Raises InputError for edits that this portrait or model cannot have."""
        if self.space.motion is not Motion:
            raise InputError(f"`edits` are for motions of heads, and this model moves {self.space.name}.")
        networks = self.renderer.retargeting(self.params) if edits.needs_openings else None
        return Editor(edits, source.own, self.sliders, networks, source.openings)

    def poses(self, source: Source, driver: Driver, relative: bool) -> Any:
        """As `TalkingPortrait.poses`, of a driver of any rate."""
        self.space.check(driver.motion)
        return poses_for(source.own.motion, driver.at_rate(Fraction(FRAME_RATE)).motion, relative=relative)

    def turn(self, source: Source, motion: Any, poses: Any, axes: Axes, *, stitch: bool, edits: Any) -> Any:
        """As `TalkingPortrait.turn`."""
        turned, edits = posed(source.own, motion, poses, axes), edits_of(edits)
        if edits:
            turned = self.editor(source, edits).motion(turned)
        return self._stitched(source, turned) if stitch else turned

    def tell_if_far(self, source: Source, motion: Any) -> None:
        """Warns of heads that turn so far from the portrait's own that shoulders and hair cannot meet the picture."""
        if not isinstance(motion, Motion):
            return
        degrees = angle_between(heads_of(motion).rotation, heads_of(source.own.motion).rotation).max()
        if degrees > FAR:
            warnings.warn(
                f"The head turns by {degrees:.0f} degrees from the portrait's own pose, and the seam may show: ask for "
                '`stitch`, or turn it less with `edits="pose*0.5"`.',
                stacklevel=4,
            )

    def _stitched(self, source: Source, motion: Any) -> Any:
        stitched = self.renderer.stitch(self.params, source.arrays, self.space.driving(motion))
        return self.space.with_driving(motion, stitched)

    def follow(self, source: Source, driver: Driver, how: Reenactment, sound: Any = None) -> Any:
        """The portrait's motion by a driver of any rate, and by the motion that sound made of it, if any."""
        self.space.check(driver.motion)
        driver = driver.at_rate(Fraction(FRAME_RATE))
        networks = self.renderer.retargeting(self.params) if how.needs_networks else None
        openings = {"openings": driver.openings, "own_openings": source.openings}
        return moved_by(source.own, driver.motion, how, networks, sound=sound, sliders=self.sliders, **openings)

    def at_rate(self, source: Source, motion: Any, wanted: Fraction) -> Any:
        """A motion of 25 frames a second, driven for this portrait, at another rate: as `edits.resampling.motion_at`,
        and in spaces without heads linearly."""
        rate = Fraction(FRAME_RATE)
        if wanted == rate:
            return motion
        if isinstance(motion, Motion):
            return motion_at(motion, source.canonical, rate, wanted)
        where = positions_at(len(motion), rate, wanted)
        driving = jax.tree.map(lambda rows: between(np.asarray(rows), *where), self.space.driving(motion))
        vectors = between(self.space.to_vectors(motion), *where)
        return self.space.with_driving(self.space.from_vectors(vectors), driving)


def _of(asked: Animation) -> dict[str, Any]:
    return {"relative": asked.relative, "stitch": asked.stitch, "edits": asked.edits}
