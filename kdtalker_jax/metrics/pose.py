"""Head pose: whether the head moves at all, and as another one does."""

import numpy as np

PUBLISHED_FRAMES = 200  # that the published script looks at


def pose_diversity(yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> float:
    """Standard deviation of the angles over time, mean of the three, in degrees. (T,) degrees each.

    NaN for fewer than two frames.
    """
    if len(yaw) < 2:
        return np.nan
    return float(np.mean([np.std(angle) for angle in (yaw, pitch, roll)]))


def pose_distance(angles: np.ndarray, references: np.ndarray) -> float:
    """Mean distance of an angle (T,) from a reference's, in degrees (arXiv 2502.07203, table 5); the longer is cut."""
    frames = min(len(angles), len(references))
    return float(np.abs(angles[:frames] - references[:frames]).mean())


def published_pose_diversity(yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> float:
    """KDTalker's definition (arXiv 2503.12963, table 1), for those who have Hopenet: it is not in degrees.

    Standard deviation over the first 200 frames of each bin's raw output, mean over bins and over the angles; (T, 66)
    outputs of each angle. NaN for fewer than two frames.
    """
    if len(yaw) < 2:
        return np.nan
    return float(np.mean([np.std(bins[:PUBLISHED_FRAMES], axis=0).mean() for bins in (yaw, pitch, roll)]))
