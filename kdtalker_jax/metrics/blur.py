"""CPBD: cumulative probability of blur detection (Narvekar and Karam, IEEE TIP 20(9), 2011). Higher is sharper."""

from collections.abc import Iterable

import cv2
import numpy as np

BLOCK = 64  # pixels
LEAST_EDGES = 0.002  # part of a block's pixels that makes it a block of edges
HIGH_CONTRAST = 50  # levels
JUST_NOTICEABLE = (5, 3)  # pixels an edge may be wide before one notices: in blocks of low and of high contrast
STRONG = 2.0  # times the root mean square of the gradient: an edge's is above, squared, as in the authors' program
EIGHTH = np.tan(np.pi / 8)


def video_cpbd(frames: Iterable[np.ndarray]) -> tuple[float, int, int]:
    """Of uint8 RGB frames (H, W, 3): the mean of those with edges or NaN, how many there are, how many lack edges."""
    values = np.array([cpbd(frame) for frame in frames])
    missing = np.isnan(values)
    return float(values[~missing].mean()) if not missing.all() else np.nan, len(values), int(missing.sum())


def cpbd(image: np.ndarray) -> float:
    """Part of the edges of a uint8 RGB picture (H, W, 3) whose blur nobody notices.

    An edge of width w is seen as blurred with the probability 1 - exp(-(w / w_JNB)^3.6), and counts as sharp up to
    63 %, that is up to w = w_JNB (equations 2 and 5): the exponent drops out. Incomplete blocks at the right and lower
    edge are left out, as in the authors' program. NaN where no block has enough edges.
    """
    luminance = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)  # (H, W)
    edges = _vertical_edges(luminance)  # (H, W) bool
    widths = _edge_widths(luminance)  # (H, W)
    sharp = total = 0
    for top in range(0, luminance.shape[0] - BLOCK + 1, BLOCK):
        for left in range(0, luminance.shape[1] - BLOCK + 1, BLOCK):
            block = np.s_[top : top + BLOCK, left : left + BLOCK]
            count = np.count_nonzero(edges[block])
            if count > LEAST_EDGES * BLOCK**2:
                noticeable = JUST_NOTICEABLE[int(np.ptp(luminance[block]) > HIGH_CONTRAST)]
                sharp += np.count_nonzero(widths[block][edges[block]] <= noticeable)
                total += count
    return float(sharp / total) if total else np.nan


def _vertical_edges(luminance: np.ndarray) -> np.ndarray:
    """Strong gradients along the row, thinned to ridges, where the edge is upright to within 22.5 degrees: (H, W).

    Neighbours that are equally strong are no ridge, as in the authors' program.
    """
    strength = np.square(cv2.Sobel(luminance, cv2.CV_32F, 1, 0, scale=1 / 8))  # (H, W)
    strong = strength > STRONG * np.sqrt(np.mean(strength))
    padded = np.pad(strength, 1)
    left, right, above, below = padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]
    ridge = (strength > np.maximum(left, right)) | (strength > np.maximum(above, below))
    down, across = np.gradient(luminance)
    return strong & ridge & (np.abs(down) < EIGHTH * np.abs(across))


def _edge_widths(luminance: np.ndarray) -> np.ndarray:
    """Distance in pixels between the local extrema of the row on both sides (Marziliano et al., ICIP 2002): (H, W)."""
    steps = np.diff(luminance, axis=1)  # (H, W - 1)
    return np.where(np.gradient(luminance, axis=1) > 0, _run_through(steps > 0), _run_through(steps < 0))


def _run_through(steps: np.ndarray) -> np.ndarray:
    """The step to each pixel and the one from it, and how many go on without a break on both sides of these two:
    (H, W - 1) -> (H, W)."""
    before, after = _run_before(steps), _run_before(steps[:, ::-1])[:, ::-1]
    return 2 + np.pad(before[:, :-1], ((0, 0), (1, 0))) + np.pad(after[:, 1:], ((0, 0), (0, 1)))


def _run_before(steps: np.ndarray) -> np.ndarray:
    """How many steps in a row lead to each pixel from the left: (H, W - 1) -> (H, W)."""
    position = np.arange(1, steps.shape[1] + 1)
    broken = np.maximum.accumulate(np.where(steps, 0, position), axis=1)  # of the last break
    return np.pad(position - broken, ((0, 0), (1, 0)))
