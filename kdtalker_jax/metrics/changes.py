"""How much pictures change from frame to frame, and how like a reference's mouths are."""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from kdtalker_jax.metrics.similarity import l1, psnr, ssim

LEAST_SIDE = 11  # pixels of a mouth's box, SSIM's window: smaller ones, or those out of the picture, are left out


class MouthSimilarity(NamedTuple):
    """Means over frames inside the boxes of mouths; NaN without any. psnr in dB; flicker as `flicker`."""

    psnr: float
    ssim: float
    flicker: float


def flicker(frames: Iterable[np.ndarray], references: Iterable[np.ndarray]) -> float:
    """Mean change between neighbouring uint8 frames (H, W, 3) by that of a reference; the longer one is cut.

    1 where as much changes. NaN where the reference does not change at all, or for fewer than two frames.
    """
    changes = [(l1(a, b), l1(c, d)) for (a, c), (b, d) in pairwise(zip(frames, references, strict=False))]
    return _ratio(changes)


def compare_mouths(
    frames: Iterable[np.ndarray], references: Iterable[np.ndarray], boxes: np.ndarray
) -> MouthSimilarity:
    """Compare uint8 frames (H, W, 3) with references of the same size in boxes (T, 4), as `mouth_boxes` makes them.

    The change between two frames is taken in the box of the later one.
    """
    rows, changes, before = [], [], None
    for pair, (left, top, right, bottom) in zip(zip(frames, references, strict=False), boxes, strict=False):
        if min(right - left, bottom - top) >= LEAST_SIDE:
            box = np.s_[top:bottom, left:right]
            ours, theirs = (np.ascontiguousarray(picture[box]) for picture in pair)
            rows.append((psnr(ours, theirs), ssim(ours, theirs)))
            if before is not None:
                changes.append((l1(before[0][box], ours), l1(before[1][box], theirs)))
        before = pair
    if not rows:
        return MouthSimilarity(np.nan, np.nan, np.nan)
    return MouthSimilarity(*np.mean(rows, axis=0).tolist(), _ratio(changes))


def _ratio(changes: list[tuple[float, float]]) -> float:
    ours, theirs = np.sum(changes, axis=0) if changes else (0.0, 0.0)
    return float(ours / theirs) if theirs else np.nan
