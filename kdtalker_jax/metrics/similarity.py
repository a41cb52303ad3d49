"""How far a video is from a reference that shows the same, frame by frame."""

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np

HIGHEST_PSNR = 100.0  # dB, of equal pictures, for which it would be infinite
_SSIM_SIZE, _SSIM_SIGMA = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


class Similarity(NamedTuple):
    """Means over frames. psnr in dB, l1 in levels of 0..255."""

    psnr: float
    ssim: float
    l1: float


def compare(frames: Iterable[np.ndarray], references: Iterable[np.ndarray]) -> Similarity:
    """Compare uint8 RGB frames (H, W, 3) with references of the same size; the longer one is cut. At least one each."""
    rows = [(psnr(a, b), ssim(a, b), l1(a, b)) for a, b in zip(frames, references, strict=False)]
    return Similarity(*np.mean(rows, axis=0).tolist())


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal to noise of two uint8 pictures in dB, at most 100."""
    error = np.square(a.astype(np.float32) - b).mean(dtype=np.float64)
    return min(HIGHEST_PSNR, 10 * np.log10(255**2 / error)) if error else HIGHEST_PSNR


def l1(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference of two uint8 pictures, in levels."""
    return float(cv2.absdiff(a, b).mean())


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004, equation 13) of uint8 pictures (H, W, 3).

    Mean over the colours, and over the places where the Gaussian window of 11 pixels (sigma 1.5) lies inside; NaN for
    smaller pictures.
    """
    if min(a.shape[:2]) < _SSIM_SIZE:
        return np.nan
    a, b = a.astype(np.float32), b.astype(np.float32)
    mean_a, mean_b = _blur(a), _blur(b)  # (H, W, 3)
    variance_a, variance_b = _blur(a * a) - mean_a**2, _blur(b * b) - mean_b**2
    covariance = _blur(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    structure = (2 * covariance + _C2) / (variance_a + variance_b + _C2)
    margin = _SSIM_SIZE // 2
    return float((luminance * structure)[margin:-margin, margin:-margin].mean(dtype=np.float64))


def keypoint_distance(keypoints: np.ndarray, references: np.ndarray) -> float:
    """Mean distance in the picture's plane of keypoints (T, K, 3) to those of a reference; the longer one is cut."""
    frames = min(len(keypoints), len(references))
    difference = keypoints[:frames, :, :2] - references[:frames, :, :2]  # (frames, K, 2)
    return float(np.linalg.norm(difference, axis=-1).mean())


def _blur(x: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(x, (_SSIM_SIZE, _SSIM_SIZE), _SSIM_SIGMA)
