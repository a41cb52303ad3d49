"""Paste rendered faces back into the whole picture, at its own size (LivePortrait's paste-back)."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from kdtalker_jax.compositing.masks import ALL_SIDES, FEATHER, Sides
from kdtalker_jax.compositing.placing import Placement, matrix_of, seams_of
from kdtalker_jax.faces.detector import Box


def pasted(
    frames: Iterable[np.ndarray],
    picture: np.ndarray,
    matrix: np.ndarray,
    *,
    sides: Sides = ALL_SIDES,
    feather: float = FEATHER,
    mask: np.ndarray | None = None,
    share: np.ndarray | None = None,
    match_colours: bool = False,
    published: bool = False,
) -> Iterator[np.ndarray]:
    """Whole pictures with the rendered face in them, one at a time: uint8 (1, H, W, 3).

    Only the rectangle that frames touch is computed; all else is the picture, bit for bit.

    Args:
        frames: uint8 (b, S, S, 3).
        picture: uint8 (H, W, 3).
        matrix: (3, 3) from a frame to the picture; `placing.matrix_of`, or the inverse of `oriented.to_cut`.
        sides: that have a seam.
        feather: width of the seam, of the cut's side, 0 to 0.5.
        mask: uint8 (H, W), which takes away from what is pasted.
        share: uint8 (S, S), likewise, of frames.
        match_colours: shift the colours of all frames so that the first one meets the picture at the seam.
        published: as LivePortrait, where the outermost line of the frame is mixed with black, and shows below and on
            the right as a line 12 levels too dark.
    """
    paste: Paste | None = None
    for frame in (frame for batch in frames for frame in batch):
        if paste is None:
            placement = Placement.of(matrix, len(frame), *picture.shape[:2], sides)
            paste = Paste(placement, feather, mask, share, match_colours, published)
        yield paste(frame, picture)[None]


def pasted_each(
    moved: Iterable[tuple[np.ndarray, np.ndarray | None, Box]], *, feather: float = FEATHER
) -> Iterator[np.ndarray]:
    """Frames of a video with their rendered faces in them, (1, H, W, 3) each.

    Args:
        moved: a frame uint8 (H, W, 3), its face (S, S, 3) or None, and where that goes, as `VideoPortrait.render` gives
            them.
        feather: as of `pasted`.
    """
    for frame, face, region in moved:
        if face is None:
            yield frame[None]
            continue
        height, width = frame.shape[:2]
        placement = Placement.of(
            matrix_of(region, len(face)), len(face), height, width, seams_of(region, height, width)
        )
        yield Paste(placement, feather)(face, frame)[None]


class Paste:
    """One placement: what is the same for all frames is computed once."""

    def __init__(
        self,
        placement: Placement,
        feather: float,
        mask: np.ndarray | None = None,
        share: np.ndarray | None = None,
        match_colours: bool = False,
        published: bool = False,
    ) -> None:
        self.placement = placement
        self._match, self._shift = match_colours, None
        self._border = "constant" if published else "edge"
        if placement.is_empty:
            return
        taken = placement.mask(feather)  # (h, w)
        if mask is not None:
            taken = np.rint(taken * (placement.inside(mask) / 255)).astype(np.uint8)
        if share is not None:
            taken = np.rint(taken * (placement.warped(share) / 255)).astype(np.uint8)
        self.share = taken[..., None].astype(np.uint16)

    def __call__(self, frame: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """(S, S, 3) and (H, W, 3) -> (H, W, 3), a new array."""
        result = whole.copy()
        if not self.placement.is_empty:
            inside = self.placement.inside(result)
            rendered = self.placement.warped(frame, border=self._border)  # (h, w, 3)
            if self._match:
                rendered = self._matched(rendered, inside)
            # Whole numbers: what is equal on both sides stays as it is. At most 255 * 255.
            inside[:] = (self.share * rendered + (255 - self.share) * inside) // 255
        return result

    def _matched(self, rendered: np.ndarray, original: np.ndarray) -> np.ndarray:
        """With colours shifted by what the first frame lacks at the seam; the median, since shoulders move there."""
        if self._shift is None:
            seam = self.placement.mask(FEATHER)
            seam = (seam > 0) & (seam < 255)
            differences = original[seam].astype(np.int16) - rendered[seam]  # (n, 3)
            shift = np.median(differences, axis=0) if len(differences) else np.zeros(3)
            levels = np.arange(256)[:, None] + shift  # (256, 3)
            self._shift = np.clip(np.rint(levels), 0, 255).astype(np.uint8)[None]
        return cv2.LUT(rendered, self._shift)


def pasted_part(frame: np.ndarray, face: np.ndarray, region: Box, share: np.ndarray) -> np.ndarray:
    """A frame of a video with as much of a rendered face as a mask says; where that is 0, the frame bit by bit.

    Args:
        frame: uint8 (H, W, 3). face: (S, S, 3), which goes where `region` is. share: uint8 (S, S), 255 is all.

    Returns:
        (H, W, 3), a new array.
    """
    placement = Placement.of(matrix_of(region, len(face)), len(face), *frame.shape[:2])
    result = frame.copy()
    if not placement.is_empty:
        inside = placement.inside(result)
        opaque = placement.warped(share, border="constant")[..., None].astype(np.uint16)  # (h, w, 1)
        inside[:] = (opaque * placement.warped(face) + (255 - opaque) * inside) // 255
    return result
