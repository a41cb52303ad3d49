"""Adaptive normalisation (section 3.2): the pose by each clip alone; `config` has the statistics of a training set."""

import numpy as np

# Least deviations of a clip's scale, yaw, pitch, roll and t: a head that is held still has none of its own.
FLOORS = np.float32([1e-4, 0.1, 0.1, 0.1, 1e-4, 1e-4, 1e-4])


def pose_statistics(pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation (7,) of a clip's pose (T, 7), the latter not below `FLOORS`; float32."""
    pose = np.asarray(pose, np.float64)
    return pose.mean(axis=0).astype(np.float32), np.maximum(pose.std(axis=0), FLOORS).astype(np.float32)
