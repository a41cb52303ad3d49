"""What a training set says of faces: the shape that they have in common, how far they move, and how mouths open."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.landmarks.contours import COUNTS, OUTER_EYE_CORNERS, rows_of, stable_weights
from kdtalker_jax.spaces.landmarks.shapes import deviations, lip_gap, opening_direction, template_of
from kdtalker_jax.spaces.landmarks.space import Face, face_of

MOST_FRAMES = 20_000  # that are looked at, spread evenly over all clips
LEAST_PARTING = 1e-3  # of the lips along a direction of length 1 that opens mouths


@dataclass(frozen=True)
class LandmarkStatistics:
    """Of a training set, in the canonical pose, where 1 is the distance of the outer eye corners.

    Attributes:
        template: (3 N,) the mean shape.
        deviation: (3 N,) of each coordinate from the person's face at rest.
        opening: (3 N,) the direction in which mouths open, of length 1.

    Raises:
        ValueError: other lengths, values that are not finite in float32, or a deviation that is not more than 0.
    """

    template: tuple[float, ...]
    deviation: tuple[float, ...]
    opening: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.template) not in [3 * count for count in COUNTS]:
            raise ValueError(f"template has {len(self.template)} numbers, not three for each landmark")
        for field in fields(self):
            values = getattr(self, field.name)
            if len(values) != len(self.template):
                raise ValueError(f"{field.name} has {len(values)} numbers, not {len(self.template)}")
            with np.errstate(over="ignore"):
                numbers = np.asarray(values, np.float32)
            usable = np.isfinite(numbers) & (numbers > (0 if field.name == "deviation" else -np.inf))
            if not usable.all():
                raise ValueError(f"{field.name} holds {values[int(np.argmin(usable))]}")

    @property
    def points(self) -> int:
        """N, of landmarks."""
        return len(self.template) // 3

    def shape(self, name: str) -> np.ndarray:
        """One of the attributes as float32 (N, 3)."""
        return np.asarray(getattr(self, name), np.float32).reshape(-1, 3)

    def face(
        self,
        points: np.ndarray,
        *,
        still: bool = False,
        identity: np.ndarray | None = None,
        seen: np.ndarray | None = None,
    ) -> Face:
        """The face that has these landmarks.

        Args:
            points: (F, N, 3) in the picture, of one person.
            still: a portrait, whose mouth is closed along `opening` to know it at rest; else the frames with the least
                open lips say.
            identity: (N, 3) the person at rest, where it is known.
            seen: (F,) bool, the frames that may say how it is at rest, at least one; by default all.
        """
        direction = self.shape("opening").astype(np.float64) if still else None
        template = self.shape("template").astype(np.float64)
        weights = stable_weights(self.points)
        return face_of(points.astype(np.float64), template, weights, identity=identity, direction=direction, seen=seen)


def statistics_of(clips: Sequence[np.ndarray], names: Callable[[int], str] = "clip {}".format) -> LandmarkStatistics:
    """Of a training set: points (F, N, 3) in the picture, one array for each clip of one person; read twice.

    Raises:
        InputError: a clip that is not finite, by its name, or mouths that do not open.
    """
    share = max(MOST_FRAMES // len(clips), 1)
    seen = []
    for number, points in enumerate(clips):
        if not np.isfinite(points).all():
            raise InputError(f"The landmarks of {names(number)} are not finite: make the data set again without it.")
        seen.append(_spread(points, share).astype(np.float64))
    together = np.concatenate(seen)
    template = template_of(together, _straightest(together))
    weights = stable_weights(len(template))
    faces: Iterable[Face] = (face_of(points.astype(np.float64), template, weights) for points in clips)
    offsets = np.concatenate([_spread(face.motion.offsets, share) for face in faces])
    direction = opening_direction(offsets)
    if not lip_gap(direction) > LEAST_PARTING:
        raise InputError("The mouths of the training set do not open: nothing can be learnt from them.")
    return LandmarkStatistics(*map(_floats, (template, deviations(offsets), direction)))


def _straightest(faces: np.ndarray) -> np.ndarray:
    """The face (N, 3) of many whose outer eye corners are the most level, and the most equally far away."""
    left, right = (faces[:, row] for row in rows_of(OUTER_EYE_CORNERS, faces.shape[1]))
    across = right - left
    return faces[np.argmax(across[:, 0] / np.linalg.norm(across, axis=1))]


def _spread(frames: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the frames, evenly."""
    return frames[np.linspace(0, len(frames) - 1, min(most, len(frames))).astype(int)]


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in np.asarray(values, np.float32).ravel())
