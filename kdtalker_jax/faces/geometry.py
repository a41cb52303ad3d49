"""Where to cut: from 68 landmarks to the part of a picture that a portrait shows."""

from typing import NamedTuple

import numpy as np

from kdtalker_jax.faces.detector import Box


def face_quad(landmarks: np.ndarray) -> np.ndarray:
    """Return the oriented square around a face, as FFHQ cuts it (Karras et al., arXiv 1812.04948, appendix A).

    Args:
        landmarks: (68, 2), x and y in pixels.

    Returns:
        (4, 2): x and y of the corners; of an upright face the upper left, lower left, lower right and upper right one.
    """
    left_eye, right_eye = landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0)  # (2,)
    eyes = (left_eye + right_eye) / 2
    eye_to_eye = right_eye - left_eye
    eyes_to_mouth = (landmarks[48] + landmarks[54]) / 2 - eyes

    x = eye_to_eye - eyes_to_mouth[::-1] * (-1, 1)  # along the upper edge, half of it
    x *= max(2.0 * np.hypot(*eye_to_eye), 1.8 * np.hypot(*eyes_to_mouth)) / np.hypot(*x)
    y = x[::-1] * (-1, 1)  # a quarter turn on
    centre = eyes + 0.1 * eyes_to_mouth
    return np.stack([centre - x - y, centre - x + y, centre + x + y, centre + x - y])  # (4, 2)


def face_square(landmarks: np.ndarray) -> Box:
    """Return the upright square that bounds the quad of a face (68, 2), right and bottom not included.

    It is what the published code cuts where that stays inside the picture; this one may leave it.
    """
    quad = face_quad(landmarks)  # (4, 2)
    left, top = (round(corner) for corner in quad.min(axis=0))
    side = round(np.ptp(quad[:, 0]))
    return Box(left, top, left + side, top + side)


def enclosing_square(height: int, width: int) -> Box:
    """Return the smallest square around a whole picture, which stays in its middle."""
    side = max(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    return Box(left, top, left + side, top + side)


class LegacyCut(NamedTuple):
    """The published cut: reduce the picture, cut `crop` out of it, and `face` out of that."""

    shrink: int  # both sides of the picture are divided by it
    crop: Box  # in pixels of the reduced picture
    face: tuple[float, float, float, float]  # left, top, right, bottom in pixels of the crop; the code truncates them


def legacy_cut(landmarks: np.ndarray, height: int, width: int) -> LegacyCut:
    """Return the published cut of a face with `landmarks` (68, 2) out of a picture of the given size."""
    quad = face_quad(landmarks)  # (4, 2)
    side = np.hypot(*(quad[3] - quad[0]))
    shrink = max(int(side / 512 * 0.5), 1)
    quad, side = quad / shrink, side / shrink
    height, width = round(height / shrink), round(width / shrink)

    border = max(round(side * 0.1), 3)
    low, high = np.floor(quad.min(axis=0)) - border, np.ceil(quad.max(axis=0)) + border  # (2,)
    crop = Box(int(max(low[0], 0)), int(max(low[1], 0)), int(min(high[0], width)), int(min(high[1], height)))

    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = quad - crop[:2] + 0.5
    face = (
        max(min(x0, x1), 0.0),
        max(min(y0, y3), 0.0),
        min(max(x2, x3), float(width)),
        min(max(y1, y2), float(width)),  # the width, sic: the published code cuts the chin off narrow pictures
    )
    return LegacyCut(shrink, crop, face)
