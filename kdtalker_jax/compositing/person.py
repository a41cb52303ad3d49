"""Cut a person out of a picture, where neither the picture's own alpha nor a mask says who it is.

By a segmentation network where the user has its file, by GrabCut otherwise.
"""

import warnings

import cv2
import numpy as np

from kdtalker_jax.compositing.segmentation import Segmentation
from kdtalker_jax.faces.detector import Box

_LARGEST = 256  # pixels of the side that GrabCut looks at: it takes seconds for a photo
_ROUNDS = 3


def person_in(picture: np.ndarray, face: Box | None = None, segmentation: Segmentation | None = None) -> np.ndarray:
    """How much of each pixel is the person: uint8 (H, W).

    Args:
        picture: uint8 RGB (H, W, 3).
        face: where the face is; None: in the middle, as in a portrait that is cut already.
        segmentation: the network; None: the one that the user has.

    Raises:
        CheckpointError: a network's file is named, and is none that can be used.
    """
    segmentation = segmentation or Segmentation()
    if segmentation.is_there:
        return _segmented(picture, segmentation)
    return _grabbed(picture, face or face_within(Box(0, 0, *picture.shape[1::-1])))


def _segmented(picture: np.ndarray, segmentation: Segmentation) -> np.ndarray:
    soft = segmentation(picture)
    whole = _largest_part((soft > 0.5).astype(np.uint8)).astype(np.float32)
    soft = np.maximum(soft * cv2.dilate(whole, np.ones((7, 7))), cv2.erode(whole, np.ones((5, 5))))  # fills holes
    small = cv2.resize(picture, soft.shape[::-1], interpolation=cv2.INTER_AREA)
    return np.rint(255 * refined(soft, small, 2, whole=picture)).astype(np.uint8)


def _grabbed(picture: np.ndarray, face: Box) -> np.ndarray:
    """Head and shoulders are taken to lie where a face's are; GrabCut (Rother et al. 2004) finds them by colours."""
    scale = min(_LARGEST / max(picture.shape[:2]), 1.0)
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    guess = _guess(face.scaled(scale), *small.shape[:2])
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(small, guess, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # of a picture of one colour
        warnings.warn("The person cannot be told from the background: give `person`, a mask.", stacklevel=3)
    person = _largest_part(((guess == cv2.GC_FGD) | (guess == cv2.GC_PR_FGD)).astype(np.uint8))
    soft = cv2.GaussianBlur(person.astype(np.float32), (0, 0), 1.0)
    soft = refined(soft, small, radius=max(round(0.01 * max(small.shape)), 2), whole=picture)
    return np.rint(255 * np.clip(1.2 * (soft - 0.5) + 0.5, 0, 1)).astype(np.uint8)


def face_within(cut: Box) -> Box:
    """Where the face is in a part of a picture that was cut to it."""
    shares = zip((0.3, 0.2, 0.7, 0.65), (cut.width, cut.height) * 2, (cut.left, cut.top) * 2, strict=True)
    return Box(*(round(share * side + start) for share, side, start in shares))


def _guess(face: Box, height: int, width: int) -> np.ndarray:
    """GrabCut's labels (H, W): head and shoulders are probably the person, what is far from them is not."""
    guess = np.full((height, width), cv2.GC_BGD, np.uint8)
    across, down = (face.left + face.right) // 2, (face.top + face.bottom) // 2
    w, h = face.width, face.height

    def oval(x: int, y: int, half_width: float, half_height: float, label: int) -> None:
        axes = (max(round(half_width), 1), max(round(half_height), 1))
        cv2.ellipse(guess, (x, y), axes, 0, 0, 360, int(label), -1)

    def shoulders(neck: float, chin: float, half_width: float, drop: float, label: int) -> None:
        """A neck from the chin, in faces, and a chest that is so wide so far below it."""
        right = [(neck, chin), (neck, 0.6 * drop), (half_width, drop), (half_width, 99)]
        corners = np.array([*right, *((-x, y) for x, y in reversed(right))]) * (w, h) + (across, face.bottom)
        cv2.fillPoly(guess, [np.rint(corners).astype(np.int32)], int(label))

    oval(across, down - round(0.1 * h), 1.5 * w, 1.6 * h, cv2.GC_PR_BGD)
    shoulders(1.5, -0.2, 3.0, 0.3, cv2.GC_PR_BGD)
    oval(across, down - round(0.1 * h), 0.75 * w, 0.95 * h, cv2.GC_PR_FGD)
    shoulders(0.4, -0.2, 1.3, 0.4, cv2.GC_PR_FGD)
    oval(across, down, 0.4 * w, 0.5 * h, cv2.GC_FGD)
    shoulders(0.2, 0.0, 0.5, 0.7, cv2.GC_FGD)
    return guess


def _largest_part(person: np.ndarray) -> np.ndarray:
    """The largest connected part without holes, (H, W) of 0 and 1."""
    count, parts, sizes, _ = cv2.connectedComponentsWithStats(person)
    if count < 2:
        return person
    person = (parts == 1 + np.argmax(sizes[1:, cv2.CC_STAT_AREA])).astype(np.uint8)
    outlines, _ = cv2.findContours(person, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros_like(person), outlines, -1, 1, -1)


def refined(
    alpha: np.ndarray, guide: np.ndarray, radius: int, *, whole: np.ndarray | None = None, softness: float = 1e-3
) -> np.ndarray:
    """Alpha along the edges of a picture (guided filter, He et al. 2013): float32 (H, W), 0 to 1.

    Args:
        alpha: float32 (h, w), 0 to 1. guide: uint8 RGB of that size, whose edges it takes.
        radius: how far edges are looked for, in pixels.
        whole: the guide in its own size (H, W), which the result has; by default the same (fast guided filter).
        softness: variance of grey, 0 to 1, below which there is no edge.
    """
    grey = cv2.cvtColor(guide, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    side = (2 * radius + 1,) * 2
    mean, mean_alpha = cv2.blur(grey, side), cv2.blur(alpha, side)
    slope = (cv2.blur(grey * alpha, side) - mean * mean_alpha) / (cv2.blur(grey * grey, side) - mean**2 + softness)
    offset = cv2.blur(mean_alpha - slope * mean, side)
    slope = cv2.blur(slope, side)
    if whole is not None and whole.shape != guide.shape:
        size = whole.shape[1::-1]
        grey = cv2.cvtColor(whole, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
        slope, offset = cv2.resize(slope, size), cv2.resize(offset, size)
    return np.clip(slope * grey + offset, 0, 1)
