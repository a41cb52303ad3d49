"""Resize pictures so that they neither alias nor vanish."""

import cv2
import numpy as np


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return `image` (H, W, 3) as (height, width, 3): bilinear, but averaged where a side shrinks by more than 2."""
    if image.shape[:2] == (height, width):
        return image
    shrinks = image.shape[0] > 2 * height or image.shape[1] > 2 * width
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def rescale(image: np.ndarray, scale: float) -> np.ndarray:
    """Return `image` (H, W, 3) with both sides times `scale`; at least one pixel remains of each."""
    return resize(image, *(max(round(side * scale), 1) for side in image.shape[:2]))
