"""The space of implicit keypoints (LivePortrait, arXiv 2407.03168): a head's scale, pose, translation, expression."""

from dataclasses import dataclass, replace

import numpy as np

from kdtalker_jax.spaces.geometry import check_keypoints, drive
from kdtalker_jax.spaces.keypoints import Motion


@dataclass(frozen=True, eq=False)
class Head:
    """A portrait in terms of the space.

    Attributes:
        canonical: (3 K,) keypoints without pose and expression.
        motion: its own, one frame, with the keypoints (1, K, 3) that it has in the picture.
    """

    canonical: np.ndarray
    motion: Motion


@dataclass(frozen=True)
class ImplicitKeypoints:
    """A `spaces.protocol.Space` of so many keypoints."""

    keypoints: int = 21
    name = "implicit keypoints"
    motion = Motion
    smoothed = slice(1, None)  # all but the scale, as published

    def from_vectors(self, vectors: np.ndarray) -> Motion:
        return Motion.from_vector(vectors)

    def to_vectors(self, motion: Motion) -> np.ndarray:
        return motion.to_vector()

    def drive(self, own: Head, motion: Motion, *, relative: bool = False, first: Motion | None = None) -> Motion:
        return self.with_driving(motion, drive(own.canonical, own.motion, motion, relative=relative, first=first))

    def check(self, motion: Motion) -> None:
        check_keypoints(motion, self.keypoints)

    def driving(self, motion: Motion) -> np.ndarray | None:
        return motion.keypoints  # (T, K, 3)

    def with_driving(self, motion: Motion, driving: np.ndarray) -> Motion:
        return replace(motion, keypoints=driving)
