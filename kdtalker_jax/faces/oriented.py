"""LivePortrait's cuts: a square about a face's landmarks, in the face's own directions or upright.

Matrices are 3 x 3 and act on columns (x, y, 1), pixels with their centres at whole numbers, as OpenCV counts them.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from kdtalker_jax.errors import InputError

# By the number of landmarks: those whose mean is the left eye's centre, the right eye's, the mouth's.
_CENTRES = {
    203: ((0, 6, 12, 18), (24, 30, 36, 42), (48, 66)),
    106: ((33, 35, 40, 39), (87, 89, 94, 93), (52, 61)),
    68: ((36, 39), (42, 45), (48, 54)),
    5: ((0,), (1,), (3, 4)),
}


@dataclass(frozen=True, eq=False)
class FaceFit:
    """Where a face is: a square about all landmarks.

    Attributes:
        centre: (2,) x and y. side: of the square.
        across, down: (2,) unit vectors: along the eyes to the right in the picture, and from the eyes to the mouth.
    """

    centre: np.ndarray
    side: float
    across: np.ndarray
    down: np.ndarray

    @property
    def angle(self) -> float:
        """By which the face is turned, in radians."""
        return float(np.arctan2(self.across[1], self.across[0]))

    def box(self) -> np.ndarray:
        """The upright square of the same centre and side: left, top, right, bottom, (4,)."""
        return np.concatenate([self.centre - self.side / 2, self.centre + self.side / 2])


def fit_face(landmarks: np.ndarray, *, scale: float, shift: tuple[float, float] = (0.0, 0.0)) -> FaceFit:
    """The square about a face.

    Args:
        landmarks: (N, 2), N of 203, 106, 68 or 5.
        scale: the square's side, of the larger side of the box about all landmarks in the face's own directions.
        shift: of the centre, in sides: across and down the face.

    Raises:
        InputError: another number of landmarks, or all in one place.
    """
    if landmarks.shape[0] not in _CENTRES:
        raise InputError(f"A face is cut by 203, 106, 68 or 5 landmarks, not by {landmarks.shape[0]}.")
    points = landmarks.astype(np.float64)
    left, right, mouth = (points[list(which)].mean(axis=0) for which in _CENTRES[len(points)])
    down = mouth - (left + right) / 2
    length = np.hypot(*down)
    if not length > 0:
        raise InputError("The landmarks are all in one place.")
    down /= length
    across = np.array([down[1], -down[0]])
    mean = points.mean(axis=0)
    turned = (points - mean) @ np.stack([across, down], axis=1)  # (N, 2) in the face's directions
    low, high = turned.min(axis=0), turned.max(axis=0)
    side = scale * float((high - low).max())
    middle = (low + high) / 2 + np.array(shift) * side
    return FaceFit(mean + middle[0] * across + middle[1] * down, side, across, down)


def to_cut(centre: np.ndarray, side: float, size: int, angle: float = 0.0) -> np.ndarray:
    """From the picture to a cut of `size` pixels, (3, 3): the square's centre becomes the cut's."""
    scale = size / side
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    return np.vstack([np.column_stack([turn, size / 2 - turn @ centre]), [0.0, 0.0, 1.0]])


def mean_box(boxes: np.ndarray) -> np.ndarray:
    """One box for all frames of a video: (T, 4) -> (4,)."""
    return boxes.mean(axis=0)


def cut_box(image: np.ndarray, box: np.ndarray, size: int, to: np.ndarray | None = None) -> np.ndarray:
    """Cut a square out of a picture, black outside, uint8 (size, size, 3).

    Args:
        image: uint8 (H, W, 3). box: (4,) left, top, right, bottom.
        size: of the cut.
        to: another matrix than the box's.
    """
    to = to_cut((box[:2] + box[2:]) / 2, box[2] - box[0], size) if to is None else to
    return cv2.warpAffine(image, to[:2], (size, size), flags=cv2.INTER_LINEAR)
