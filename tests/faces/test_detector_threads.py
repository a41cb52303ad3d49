"""Several threads may share a detector: each of dlib's tools is loaded once, and pictures are not mixed up."""

import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import dlib
import numpy as np
import pytest

from kdtalker_jax import demo
from kdtalker_jax.faces.detector import FaceDetector
from kdtalker_jax.faces.resizing import resize
from kdtalker_jax.media.image import read_image

THREADS = 8


@pytest.fixture
def loaded(monkeypatch) -> list[str]:
    """Names of dlib's tools as they are loaded, slowly, so that threads meet on the way."""
    names = []

    def slowly(name):
        def load(*arguments):
            names.append(name)
            time.sleep(0.05)
            return getattr(dlib, name)(*arguments)

        return load

    tools = {name: slowly(name) for name in ("get_frontal_face_detector", "shape_predictor")}
    monkeypatch.setattr(FaceDetector, "_dlib", SimpleNamespace(rectangle=dlib.rectangle, **tools))
    return names


def look(picture, detector) -> np.ndarray:
    """Where the surest face is, and its landmarks: (70, 2)."""
    box = detector.detect(picture, -1.0)[0]
    return np.concatenate([np.reshape(box, (2, 2)), detector.landmarks(picture, box)])


def test_threads_find_what_one_finds_and_load_each_tool_once(loaded):
    pictures = [resize(read_image(path), 160, 160) for path in demo.PORTRAITS]
    alone = [look(picture, FaceDetector()) for picture in pictures]
    assert len(loaded) == 2 * len(pictures)
    loaded.clear()
    shared = FaceDetector()
    with ThreadPoolExecutor(THREADS) as threads:
        together = list(threads.map(lambda i: look(pictures[i % len(pictures)], shared), range(2 * THREADS)))
    assert sorted(loaded) == ["get_frontal_face_detector", "shape_predictor"]
    for i, found in enumerate(together):
        np.testing.assert_array_equal(found, alone[i % len(pictures)])
