"""What is seen of a face in pictures: landmarks, mouth, eyes, pose and who it is."""

from itertools import product
from typing import NamedTuple

import numpy as np

from benchmarks.real.pose import head_pose
from kdtalker_jax.faces.detector import Box, FaceDetector
from kdtalker_jax.faces.resizing import rescale
from kdtalker_jax.metrics.identity import IdentityReader
from kdtalker_jax.metrics.mouth import mouth_opening

ENLARGED = 3  # dlib answers in whole pixels, and an eye is six pixels high
_SHIFTS = (-0.04, 0.0, 0.04)  # of the face's box: the mean over nine looks trembles less, lids most of all
WHO_EVERY = 5  # frames

# iBUG 300-W: corners of each eye, and its lids from above and below.
_EYES = ((36, 39, (37, 38), (41, 40)), (42, 45, (43, 44), (47, 46)))


class Seen(NamedTuple):
    """Of T frames; NaN where no face was found."""

    landmarks: np.ndarray  # (T, 68, 2) pixels
    mouth: np.ndarray  # (T,) opening, see `metrics.mouth`
    eyes: np.ndarray  # (T,) opening, see `eye_opening`
    pose: np.ndarray  # (T, 3) degrees, see `pose`
    who: np.ndarray  # (ceil(T / WHO_EVERY), 128) of every so many frames, see `metrics.identity`

    @property
    def found(self) -> np.ndarray:
        """(T,) whether there is a face."""
        return np.isfinite(self.mouth)


class Watcher:
    """Looks at pictures (T, S, S, 3) that are cut to a face."""

    def __init__(self, detector: FaceDetector) -> None:
        self._detector, self._identify = detector, IdentityReader()

    def __call__(self, frames: np.ndarray) -> Seen:
        landmarks, who = np.full((len(frames), 68, 2), np.nan), np.full((-(-len(frames) // WHO_EVERY), 128), np.nan)
        for number, frame in enumerate(frames):
            if (box := self._find(frame)) is None:
                continue
            large = rescale(frame, ENLARGED)
            points = self._landmarks(large, box.scaled(ENLARGED))  # (68, 2)
            landmarks[number] = points / ENLARGED
            if number % WHO_EVERY == 0:
                who[number // WHO_EVERY] = self._identify(large, points)
        pose = head_pose(landmarks, frames.shape[1])
        return Seen(landmarks, mouth_opening(landmarks), eye_opening(landmarks), pose, who)

    def _find(self, frame: np.ndarray) -> Box | None:
        """The largest face. Half the size is plenty for the detector, and four times as fast."""
        boxes = self._detector.detect(rescale(frame, 0.5))
        return max(boxes, key=lambda box: box.width).scaled(2) if boxes else None

    def _landmarks(self, image: np.ndarray, box: Box) -> np.ndarray:
        """(68, 2), the mean over looks at slightly other places."""
        shifts = [(round(x * box.width), round(y * box.width)) for x, y in product(_SHIFTS, _SHIFTS)]
        return np.mean([self._detector.landmarks(image, box.moved(*shift)) for shift in shifts], axis=0)


def eye_opening(landmarks: np.ndarray) -> np.ndarray:
    """Distance between the lids by the eye's width, mean of both eyes: (T, 68, 2) -> (T,)."""

    def distance(a: int | tuple[int, ...], b: int | tuple[int, ...]) -> np.ndarray:
        return np.linalg.norm(landmarks[:, a] - landmarks[:, b], axis=-1)

    ratios = [distance(above, below).mean(axis=-1) / distance(inner, outer) for inner, outer, above, below in _EYES]
    return np.mean(ratios, axis=0)
