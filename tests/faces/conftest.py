"""Real portraits and one detector for all tests of faces."""

import numpy as np
import pytest
from PIL import Image

from kdtalker_jax.faces.detector import FaceDetector
from kdtalker_jax.faces.resizing import rescale


@pytest.fixture(scope="session")
def detector():
    return FaceDetector()


@pytest.fixture(scope="session")
def portrait(media):
    """Reads a portrait by name as uint8 RGB (H, W, 3)."""

    def read(name):
        with Image.open(media / "portraits" / name) as image:
            return np.array(image.convert("RGB"))

    return read


@pytest.fixture(scope="session")
def two_faces(portrait):
    """Two people side by side; dlib is surer of the left one, the right one's face is larger."""
    return np.concatenate([portrait("lp_s12.jpg"), rescale(portrait("lp_s7.jpg"), 500 / 852)], axis=1)
