"""Masks: where a rendered face is taken, and what a user gives for it."""

import os
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from kdtalker_jax.errors import InputError
from kdtalker_jax.media.image import Picture, alpha_of, picture_of

FEATHER = 1 / 32  # of the cut's side, as published: 16 of 512 pixels
WIDEST_FEATHER = 0.5


class Sides(NamedTuple):
    """Which sides of a cut have a seam: those that lie at or beyond the picture's border have none."""

    left: bool = True
    top: bool = True
    right: bool = True
    bottom: bool = True


ALL_SIDES = Sides()


def seam_mask(size: int, feather: float = FEATHER, sides: Sides = ALL_SIDES) -> np.ndarray:
    """LivePortrait's mask, opaque but for a ramp along the sides with a seam: uint8 (size, size).

    Args:
        size: of the rendered frame.
        feather: the ramp's width, of the size; 0: none.
        sides: which have one.
    """
    width = feather * size
    if width == 0:
        return np.full((size, size), 255, np.uint8)
    place = np.arange(size)
    before, after = np.maximum(0, width - place), np.maximum(0, place - (size - width))
    across = np.maximum(before * sides.left, after * sides.right)
    down = np.maximum(before * sides.top, after * sides.bottom)
    distance = np.hypot(down[:, None], across[None, :])
    return np.floor(255 * np.clip(1 - distance / width, 0, 1)).astype(np.uint8)


def read_mask(mask: Picture, name: str) -> np.ndarray:
    """What a user gives as a mask: its alpha where it has some, else its grey. uint8 (H, W), 255 is inside.

    Args:
        mask: path, picture of Pillow, or uint8 array (H, W) or (H, W, 3).
        name: of the argument.

    Raises:
        InputError: it cannot be read.
    """
    if isinstance(mask, np.ndarray) and mask.ndim == 2:
        if mask.dtype != np.uint8 and mask.dtype != bool:
            raise InputError(f"`{name}` must be uint8, 0 to 255, or bool, not {mask.dtype}.")
        return mask.astype(np.uint8) * (255 if mask.dtype == bool else 1)
    alpha = alpha_of(mask) if isinstance(mask, (str, os.PathLike, Image.Image)) else None
    if alpha is not None:
        return alpha
    picture, _ = picture_of(mask, name)
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


def check_mask(mask: np.ndarray, picture: np.ndarray, name: str) -> None:
    """Raises InputError where a mask (H, W) is not of the portrait's size, or empty."""
    if mask.shape != picture.shape[:2]:
        (height, width), (own_height, own_width) = mask.shape, picture.shape[:2]
        raise InputError(
            f"`{name}` has {width} x {height} pixels and the portrait {own_width} x {own_height}: save it in that size."
        )
    if not mask.any():
        raise InputError(f"`{name}` is black everywhere: what is white in it counts.")
