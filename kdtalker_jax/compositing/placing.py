"""Where rendered frames lie in the whole picture."""

from dataclasses import dataclass

import cv2
import numpy as np

from kdtalker_jax.compositing.masks import ALL_SIDES, FEATHER, Sides, seam_mask
from kdtalker_jax.faces.detector import Box


def of_pixels(across: float, down: float | None = None) -> np.ndarray:
    """From pixels to others that are so many times as large, (3, 3), where the pictures' corners stay."""
    down = across if down is None else down
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])


def matrix_of(region: Box, size: int) -> np.ndarray:
    """From a frame of `size` pixels that shows a region to the picture, (3, 3); pixel centres at whole numbers."""
    return np.array([[1, 0, region.left], [0, 1, region.top], [0, 0, 1]]) @ of_pixels(
        region.width / size, region.height / size
    )


def seams_of(region: Box, height: int, width: int) -> Sides:
    """The sides of a region that lie inside a picture."""
    return Sides(region.left > 0, region.top > 0, region.right < width, region.bottom < height)


@dataclass(frozen=True, eq=False)
class Placement:
    """Frames of `size` x `size` pixels in a picture, of which they touch the rectangle `box` alone.

    Attributes:
        size: of the frames.
        matrix: (3, 3) from a frame to the rectangle's own pixels.
        box: right and bottom not included; it may be empty.
        sides: that have a seam.
    """

    size: int
    matrix: np.ndarray
    box: Box
    sides: Sides = ALL_SIDES

    @classmethod
    def of(
        cls,
        matrix: np.ndarray,
        size: int,
        height: int,
        width: int,
        sides: Sides = ALL_SIDES,
    ) -> "Placement":
        """Of a matrix (3, 3) from frames to a picture (H, W), such as that of `matrix_of` or of a rotated cut."""
        corners = np.array([[-1, size, size, -1], [-1, -1, size, size], [1, 1, 1, 1]])
        x, y = (matrix @ corners)[:2]
        left, top = max(int(np.floor(x.min())), 0), max(int(np.floor(y.min())), 0)
        right, bottom = min(int(np.ceil(x.max())) + 1, width), min(int(np.ceil(y.max())) + 1, height)
        box = Box(left, top, max(right, left), max(bottom, top))
        shifted = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]]) @ matrix
        return cls(size, shifted, box, sides)

    @property
    def is_empty(self) -> bool:
        return self.box.width == 0 or self.box.height == 0

    def inside(self, picture: np.ndarray) -> np.ndarray:
        """A view of what the rectangle shows of a picture."""
        return picture[self.box.top : self.box.bottom, self.box.left : self.box.right]

    def warped(self, frame: np.ndarray, *, border: str = "edge") -> np.ndarray:
        """A frame (S, S) or (S, S, C) in the rectangle, bilinear; averaged first where it shrinks by more than 2.

        With the border "constant" its outermost pixels are mixed with black.
        """
        matrix, scale = self.matrix, float(np.sqrt(abs(np.linalg.det(self.matrix[:2, :2]))))
        if scale < 0.5:
            size = max(round(self.size * scale), 1)
            frame = cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA)
            matrix = matrix @ of_pixels(self.size / size)
        return self._warped(np.pad(frame, [(1, 1), (1, 1), (0, 0)][: frame.ndim], mode=border), matrix)

    def mask(self, feather: float = FEATHER) -> np.ndarray:
        """Where frames are seen in the rectangle: uint8 (h, w), 0 beyond the sides with a seam."""
        mask = np.pad(seam_mask(self.size, feather, self.sides), 1, mode="edge")
        for side, edge in zip(self.sides, (np.s_[:, 0], np.s_[0], np.s_[:, -1], np.s_[-1]), strict=True):
            if side:
                mask[edge] = 0
        return self._warped(mask, self.matrix)

    def _warped(self, padded: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Of what has one more pixel on each side. OpenCV is exact for constant borders alone."""
        matrix = matrix @ np.array([[1, 0, -1], [0, 1, -1], [0, 0, 1]])
        return cv2.warpAffine(padded, matrix[:2], (self.box.width, self.box.height), flags=cv2.INTER_LINEAR)

    def cut(self, whole: np.ndarray) -> np.ndarray:
        """The inverse: what frames would show of a picture (H, W) or (H, W, C), whose edge runs on; (S, S) likewise."""
        forth = np.array([[1, 0, self.box.left], [0, 1, self.box.top], [0, 0, 1]]) @ self.matrix
        scale = float(np.sqrt(abs(np.linalg.det(forth[:2, :2]))))
        if scale > 2:
            small = cv2.resize(whole, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
            forth = of_pixels(small.shape[1] / whole.shape[1], small.shape[0] / whole.shape[0]) @ forth
            whole = small
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(whole, forth[:2], (self.size, self.size), flags=how, borderMode=cv2.BORDER_REPLICATE)
