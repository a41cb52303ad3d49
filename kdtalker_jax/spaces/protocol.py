"""Spaces: what a motion is made of. Motion models make motion of a space, renderers take it."""

from typing import Any, Protocol

import numpy as np


class Space(Protocol):
    """One kind of motion. Two spaces are equal where a renderer of the one takes what is made for the other.

    A motion has T frames and knows its length. Portraits are described in the space's own terms: `own` below is what
    the renderer's `describe` has said of the portrait.
    """

    name: str
    motion: type  # of whole motions, with `save` and `load` of files
    smoothed: slice  # of a motion vector: what smoothing over time changes

    def from_vectors(self, vectors: np.ndarray) -> Any:
        """(T, D) numbers, as motion models make them -> motion."""

    def to_vectors(self, motion: Any) -> np.ndarray:
        """The inverse."""

    def drive(self, own: Any, motion: Any, *, relative: bool = False, first: Any = None) -> Any:
        """The motion, with what a renderer takes to move this portrait by it.

        Args:
            own: the portrait's own.
            motion: T frames.
            relative: only what changes since the first frame, on top of the portrait's own.
            first: the beginning, where `motion` is a later piece.

        Raises:
            InputError: the motion is not for this portrait.
        """

    def check(self, motion: Any) -> None:
        """Raises InputError where the motion is of another kind, or of another number of points."""

    def driving(self, motion: Any) -> Any:
        """Pytree of (T, ...) arrays that a renderer takes; None for a motion that has not been given to a portrait."""

    def with_driving(self, motion: Any, driving: Any) -> Any:
        """The motion with other such arrays."""
