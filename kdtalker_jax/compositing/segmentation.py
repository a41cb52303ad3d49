"""MediaPipe's selfie segmentation: how much of each pixel is a person.

The network is the user's own copy of `selfie_segmentation.tflite`, read by `kdtalker_jax.tflite`.
"""

import os

import cv2
import numpy as np

from kdtalker_jax.tflite.graph import Graph
from kdtalker_jax.tflite.network import UserNetwork
from kdtalker_jax.tflite.user_files import UserFile

SEGMENTATION = UserFile(
    "segmentation network",
    "selfie_segmentation.tflite",
    "KDTALKER_SEGMENTATION",
    "npm pack @mediapipe/selfie_segmentation",
    (("mediapipe", "modules/selfie_segmentation"),),
)
SIZE = 256  # of the picture that the network sees, in pixels


class Segmentation:
    """The network, read and compiled when first used.

    Args:
        file: see `UserFile.find`.
    """

    def __init__(self, file: str | os.PathLike[str] | None = None) -> None:
        self._network = UserNetwork(SEGMENTATION, file, _the_mask)

    @property
    def is_there(self) -> bool:
        """Whether the file is found. Raises CheckpointError where it is named and not there."""
        return self._network.is_there

    def check(self) -> None:
        """Reads the file. Raises CheckpointError: there is none, or it is no such network."""
        self._network.check()

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """How much of each pixel of uint8 RGB (H, W, 3) is a person: float32 (256, 256), 0 to 1.

        The picture is squeezed into the square, as the network was trained.
        """
        shrinks = max(picture.shape[:2]) > SIZE
        small = cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        (mask,) = self._network(small[None].astype(np.float32) / 255)
        return mask[0, ..., 0]


def _the_mask(graph: Graph) -> tuple[int]:
    shapes = [graph.tensors[number].shape for number in (*graph.inputs, *graph.outputs)]
    if shapes != [(1, SIZE, SIZE, 3), (1, SIZE, SIZE, 1)]:
        raise ValueError(f"it does not segment pictures of {SIZE} pixels")
    return (0,)
