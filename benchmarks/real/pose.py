"""How a head is turned, by landmarks of the face that no expression moves."""

import cv2
import numpy as np

# Of iBUG 300-W: eye corners, bridge and tip of the nose, nostrils.
RIGID = [36, 39, 42, 45, 27, 28, 29, 30, 31, 32, 33, 34, 35]
# Where they are in an adult's head: millimetres to the right of its middle in the picture, below and behind the eyes.
HEAD = np.array(
    [
        (-45, 0, 8), (-17, 1, 0), (17, 1, 0), (45, 0, 8),
        (0, -3, -9), (0, 9, -16), (0, 20, -24), (0, 31, -31),
        (-15, 42, -11), (-8, 45, -15), (0, 47, -17), (8, 45, -15), (15, 42, -11),
    ],
    np.float64,
)  # fmt: skip
DISTANCE = 4.0  # of the camera: focal length by the picture's side


def head_pose(landmarks: np.ndarray, size: int) -> np.ndarray:
    """Yaw, pitch and roll in degrees (T, 3), with the signs of `spaces.geometry`; NaN where there is no face.

    Args:
        landmarks: (T, 68, 2) in pixels of pictures whose side is `size`.
    """
    return np.array([_pose(points[RIGID], size) for points in landmarks]).reshape(-1, 3)


def camera_matrix(size: int) -> np.ndarray:
    """(3, 3) of the camera that pictures of this side are thought to come from."""
    return np.array([[DISTANCE * size, 0, size / 2], [0, DISTANCE * size, size / 2], [0, 0, 1]])


def _pose(points: np.ndarray, size: int) -> tuple[float, float, float]:
    """Of the rigid landmarks (13, 2)."""
    if not np.isfinite(points).all():
        return np.nan, np.nan, np.nan
    _, turned, _ = cv2.solvePnP(HEAD, points.astype(np.float64), camera_matrix(size), None, flags=cv2.SOLVEPNP_SQPNP)
    rotation, _ = cv2.Rodrigues(turned)  # Rz(roll) Ry(-yaw) Rx(-pitch), of columns: OpenCV looks along z, we against it
    yaw = np.arcsin(np.clip(rotation[2, 0], -1, 1))
    pitch, roll = np.arctan2(-rotation[2, 1], rotation[2, 2]), np.arctan2(rotation[1, 0], rotation[0, 0])
    return tuple(np.degrees([yaw, pitch, roll]).tolist())
