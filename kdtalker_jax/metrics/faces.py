"""What the metrics see of a clip's face: keypoints and pose from the motion extractor, landmarks and person by dlib."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from kdtalker_jax.batching import in_stacks
from kdtalker_jax.faces.detector import FaceDetector, find_landmarks
from kdtalker_jax.faces.resizing import rescale
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.spaces.geometry import placed_keypoints
from kdtalker_jax.systems import find_system

LANDMARKS = 68
IDENTITY_EVERY = 10  # frames: who somebody is changes slowly, and dlib takes a tenth of a second to tell


class HeadMotion(NamedTuple):
    """keypoints (T, K, 3), as in the picture, where both sides are 2 long; yaw, pitch, roll (T,) in degrees."""

    keypoints: np.ndarray
    yaw: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray


class MotionReader:
    """The motion extractor, compiled for batches of one size.

    Args:
        config: sizes.
        params: of the parts that observe, by name, folded.
        batch_size: frames that it sees at a time.
    """

    def __init__(self, config: ModelConfig, params: Any, batch_size: int = 8) -> None:
        renderer, _, _ = find_system(config.system).families
        renderer = renderer(config)
        self.image_size, self.batch_size = renderer.picture_size, batch_size

        @jax.jit
        def read(params: Any, frames: jax.Array) -> HeadMotion:
            motion = renderer.observe(params, frames)
            return HeadMotion(placed_keypoints(motion), motion["yaw"], motion["pitch"], motion["roll"])

        self._read = partial(read, jax.device_put(params))

    def __call__(self, cuts: Iterable[np.ndarray]) -> HeadMotion:
        """Of frames that are cut to the face, uint8 (S, S, 3), S the extractor's size."""
        return in_stacks(self._read, self.batch_size, cuts)


class Faces(NamedTuple):
    """The largest face in each of T frames; NaN where there is none.

    Attributes:
        landmarks: (T, 68, 2) in pixels of the cut.
        people: by the reader's name (T', D), who it is in every `IDENTITY_EVERY`th frame.
    """

    landmarks: np.ndarray
    people: dict[str, np.ndarray]


class Reader(Protocol):
    """Who a face is: see `metrics.identity` and `metrics.arcface`."""

    size: int  # D

    def __call__(self, image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """(D,) of the face with landmarks (68, 2) in a uint8 picture (H, W, 3)."""


def read_faces(cuts: Iterable[np.ndarray], detector: FaceDetector, readers: Mapping[str, Reader]) -> Faces:
    """Of frames that are cut to the face, uint8 (S, S, 3)."""
    landmarks, people = [], {name: [] for name in readers}
    for number, cut in enumerate(cuts):
        landmarks.append(_landmarks(cut, detector))
        for name, reader in readers.items() if number % IDENTITY_EVERY == 0 else ():
            there = np.isfinite(landmarks[-1][0, 0])
            people[name].append(reader(cut, landmarks[-1]) if there else np.full(reader.size, np.nan))
    return Faces(np.array(landmarks), {name: np.array(rows) for name, rows in people.items()})


def _landmarks(cut: np.ndarray, detector: FaceDetector) -> np.ndarray:
    # A cut's face fills half of it: half the size is plenty for the detector, and four times as fast.
    boxes = [box.scaled(2) for box in detector.detect(rescale(cut, 0.5))]
    if not boxes:
        return np.full((LANDMARKS, 2), np.nan)
    return find_landmarks(cut, max(boxes, key=lambda box: box.width), detector)
