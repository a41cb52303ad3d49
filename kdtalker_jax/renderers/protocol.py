"""Renderers: from a portrait and motion to frames."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Protocol

import jax
import numpy as np

from kdtalker_jax.edits.retargeting import Networks
from kdtalker_jax.parts import Part
from kdtalker_jax.spaces.protocol import Space


class Renderer(Protocol):
    """One renderer. Made of a model's configuration; parameters are arguments, by the names of parts."""

    parts: ClassVar[tuple[Part, ...]]
    rendered: ClassVar[tuple[Part, ...]]  # those that run for every frame
    observing: ClassVar[tuple[Part, ...]]  # those that `observe` needs
    settings: ClassVar[Mapping[str, type]]  # sections of a model's configuration beside the sizes of parts
    choices: ClassVar[Mapping[str, tuple[str, ...]]]  # fields of these that whoever uses a model may choose
    stateful: bool  # whether a frame depends on those before it
    takes: Space
    picture_size: int  # side of the portrait's cut
    output_size: int  # side of the frames

    @classmethod
    def check(cls, config: Any) -> None:
        """Raises ValueError for sizes and settings that no machine holds."""

    @classmethod
    def disagreement(cls, config: Any, names: Collection[str]) -> str | None:
        """What keeps those of its parts that are among `names` from working together, in words."""

    def prepare(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Parameters in the form that this machine likes; once, when a model is loaded."""

    def describe(self, params: Mapping[str, Any], picture: jax.Array) -> tuple[Any, Any]:
        """What depends on the portrait alone.

        Args:
            picture: uint8 (1, S, S, 3), S = `picture_size`.

        Returns:
            What `frames` wants of it, a pytree; and the portrait in terms of the space.
        """

    def begin(self, portrait: Any) -> Any:
        """What is carried from frame to frame, at first; () where nothing is."""

    def frames(
        self, params: Mapping[str, Any], portrait: Any, state: Any, driving: Any
    ) -> tuple[Any, jax.Array, jax.Array]:
        """Frames at `Space.driving` arrays (B, ...). Pure, compiled once.

        Returns:
            The state after them, frames uint8 (B, H, W, 3), and finite (B,): where arithmetic held.
        """

    def observe(self, params: Mapping[str, Any], frames: jax.Array) -> dict[str, jax.Array]:
        """The motion that pictures show, as data sets keep it: frames uint8 (B, S, S, 3) -> (B, ...) by field.

        Pure, compiled once.
        """

    def stitch(self, params: Mapping[str, Any], portrait: Any, driving: Any) -> Any:
        """Driving arrays changed so that the portrait's border stays. Raises InputError where it cannot do that."""

    def retargeting(self, params: Mapping[str, Any]) -> Networks:
        """Stitching and the retargeting of lips and eyes by themselves. Raises InputError where it has none."""


class Repainter(Renderer, Protocol):
    """A renderer that can also paint into pictures of the person that are not the portrait: frames of a video."""

    def describe_as(self, params: Mapping[str, Any], picture: jax.Array, points: np.ndarray) -> tuple[Any, Any]:
        """`describe` of a picture whose landmarks (1, N, 3) are known, as `spaces.landmarks` has them."""

    def recognise(self, observed: Mapping[str, np.ndarray]) -> tuple[Any, np.ndarray]:
        """What `observe` has said of all frames of a person, in terms of the space; and which show the face, (F,) bool.

        Raises NoFaceError where none does.
        """

    def regions(self, own: Any) -> np.ndarray:
        """(F, ...): where in frames with these faces is painted. It tells nothing of what the mouth does."""

    def speaking(self, own: Any, motion: Any) -> Any:
        """`Space.driving` arrays of F frames whose mouths are the motion's, and all else the person's own."""

    def repaint(
        self, params: Mapping[str, Any], portrait: Any, state: Any, pictures: Any, regions: Any, driving: Any, seen: Any
    ) -> tuple[Any, jax.Array, jax.Array]:
        """`frames` for pictures uint8 (B, S, S, 3), S = `picture_size`, of the person that the portrait shows. Pure.

        Args:
            seen: (B,) bool, which pictures show the face: the others leave the state as it is.

        Returns:
            The state after them; what is painted, uint8 (B, S, S, 3); and finite (B,).
        """

    def shares(self, regions: Any, seams: np.ndarray) -> jax.Array:
        """How much of what is painted in regions is to be taken: uint8 (B, S, S), 0 where the picture stays.

        Args:
            seams: (4,) or (B, 4) bool, on which sides the picture goes on: left, top, right, bottom.
        """


def can_repaint(renderer: Renderer) -> bool:
    """Whether it is a `Repainter`, which goes by landmarks and paints mouths into frames of others."""
    return hasattr(renderer, "repaint")
