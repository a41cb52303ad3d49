"""A portrait, prepared: what `TalkingPortrait.prepare` gives."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kdtalker_jax.edits.retargeting import Openings
from kdtalker_jax.faces.crop import Crop
from kdtalker_jax.faces.openings import eye_openings, lip_openings


@dataclass(frozen=True, eq=False)
class Source:
    """A portrait, ready to be animated and rendered any number of times.

    Attributes:
        image: uint8 (S, S, 3), the cut that the networks see.
        own: the portrait in terms of the space, for implicit keypoints a `spaces.implicit_keypoints.Head`.
        crop: where the cut comes from.
        arrays: what rendering reads, on the device.
        picture: uint8 (H, W, 3), the whole one that it was cut from.
        alpha: uint8 (H, W), how opaque that was; None: everywhere.
        share: uint8 (S, S), how much of frames may differ from the cut; None: all.
    """

    image: np.ndarray
    own: Any
    crop: Crop
    arrays: Any
    picture: np.ndarray | None = None
    alpha: np.ndarray | None = None
    share: np.ndarray | None = None

    def __repr__(self) -> str:
        return f"Source of {self.image.shape[1]}x{self.image.shape[0]} pixels"

    @property
    def motion(self) -> Any:
        """The portrait's own: one frame."""
        return self.own.motion

    @property
    def canonical(self) -> np.ndarray:
        """(3 K,) keypoints without pose and expression, where the space has them."""
        return self.own.canonical

    @property
    def keypoints(self) -> np.ndarray:
        """(K, 3) x_s, the keypoints in the picture, where the space has them."""
        return self.own.motion.keypoints[0]

    @property
    def openings(self) -> Openings | None:
        """How far eyes and lips are open, one frame; None where no face was looked for."""
        landmarks = self.crop.landmarks
        if landmarks is None:
            return None
        return Openings(eye_openings(landmarks[None]), lip_openings(landmarks[None]))
