"""The space of landmarks: how far each point of a face has moved from where it is at rest, in the canonical pose."""

from dataclasses import dataclass, replace

import numpy as np

from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.landmarks.contours import CONTOUR_POINTS, MOUTH, check_count, rows_of
from kdtalker_jax.spaces.landmarks.motion import LandmarkMotion
from kdtalker_jax.spaces.landmarks.pose import Pose, canonical, fit_pose, placed
from kdtalker_jax.spaces.landmarks.shapes import at_rest, closed


@dataclass(frozen=True, eq=False)
class Face:
    """A portrait, or each frame of a video, in terms of the space.

    Attributes:
        identity: (N, 3) the person's face at rest, in the canonical pose.
        pose: of F frames: one of a portrait, which keeps its head still, or one for each frame of a video.
        motion: its own, F frames, with the points (F, N, 3) that it has in the picture.
    """

    identity: np.ndarray
    pose: Pose
    motion: LandmarkMotion

    def at(self, frames: slice | np.ndarray) -> "Face":
        """Some of a video's frames: a slice, or indices."""
        motion = LandmarkMotion(**{name: value[frames] for name, value in self.motion.arrays().items()})
        return Face(self.identity, Pose(*(part[frames] for part in self.pose)), motion)


@dataclass(frozen=True)
class Landmarks:
    """A `spaces.protocol.Space` of 162 landmarks, the contour set, or of all 478."""

    points: int = CONTOUR_POINTS
    name = "landmarks"
    motion = LandmarkMotion
    smoothed = slice(None)

    def __post_init__(self) -> None:
        check_count(self.points)

    def from_vectors(self, vectors: np.ndarray) -> LandmarkMotion:
        return LandmarkMotion(np.reshape(vectors, (len(vectors), self.points, 3)))

    def to_vectors(self, motion: LandmarkMotion) -> np.ndarray:
        return motion.offsets.reshape(len(motion), -1)

    def drive(
        self, own: Face, motion: LandmarkMotion, *, relative: bool = False, first: LandmarkMotion | None = None
    ) -> LandmarkMotion:
        self.check(motion)
        if own.pose.scale.shape[0] not in (1, len(motion)):
            raise InputError(
                f"The motion has {len(motion)} frames and the face has {own.pose.scale.shape[0]} poses: "
                "give it one pose, or one for each frame."
            )
        offsets = motion.offsets
        if relative:
            offsets = own.motion.offsets + offsets - (first or motion).offsets[:1]
        shape = own.identity.astype(np.float64) + offsets  # (T, N, 3)
        return self.with_driving(motion, placed(shape, Pose(*(part.astype(np.float64) for part in own.pose))))

    def with_mouth(self, own: Face, motion: LandmarkMotion) -> LandmarkMotion:
        """A video's own motion, whose mouths and jaws are another motion's, driven; F frames each."""
        self.check(motion)
        mouth = rows_of(MOUTH, self.points)
        offsets = own.motion.offsets.copy()
        offsets[:, mouth] = motion.offsets[:, mouth]
        return self.drive(own, LandmarkMotion(offsets))

    def check(self, motion: LandmarkMotion) -> None:
        if not isinstance(motion, LandmarkMotion):
            raise InputError(f"The model is moved by {self.points} landmarks, and the motion has none.")
        if motion.offsets.shape[1] != self.points:
            raise InputError(
                f"The motion moves {motion.offsets.shape[1]} landmarks and the model has {self.points}: "
                "use a motion made with this checkpoint."
            )

    def driving(self, motion: LandmarkMotion) -> np.ndarray | None:
        return motion.points  # (T, N, 3)

    def with_driving(self, motion: LandmarkMotion, driving: np.ndarray) -> LandmarkMotion:
        return replace(motion, points=driving)


def face_of(
    points: np.ndarray,
    template: np.ndarray,
    weights: np.ndarray,
    *,
    identity: np.ndarray | None = None,
    direction: np.ndarray | None = None,
    seen: np.ndarray | None = None,
) -> Face:
    """A face in terms of the space, from its landmarks in the picture.

    Args:
        points: (F, N, 3).
        template: (N, 3). weights: (N,) of the pose's fit.
        identity: (N, 3) the person at rest; without it the frames with the least open lips say.
        direction: (N, 3), along which the lips of these frames are then closed.
        seen: (F,) bool, the frames among which those are; by default all.
    """
    pose = fit_pose(template, points, weights)
    shapes = canonical(points, pose)  # (F, N, 3)
    if identity is None:
        identity = at_rest(shapes if seen is None else shapes[seen])
        identity = identity if direction is None else closed(identity, direction)
    return Face(identity, pose, LandmarkMotion(shapes - identity, points))
