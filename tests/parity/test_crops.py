"""The legacy cut of every recorded portrait, against what the published code cuts."""

import json

import numpy as np
import pytest
from PIL import Image

from kdtalker_jax.errors import NoFaceError
from kdtalker_jax.faces.crop import crop_portrait
from kdtalker_jax.faces.detector import FaceDetector
from kdtalker_jax.faces.geometry import legacy_cut


@pytest.fixture(scope="module")
def cut(media):
    """Cuts a portrait by name: the picture's size and the crop."""
    detector = FaceDetector()

    def cut_portrait(name):
        with Image.open(media / "portraits" / name) as file:
            image = np.array(file.convert("RGB"))
        return image.shape[:2], crop_portrait(image, "legacy", detector, name=name)

    return cut_portrait


def test_every_recorded_portrait(parity, cut):
    """Landmarks, crop, quad and size exactly, pixels within one level; no face where none was found."""
    for name, expected in json.loads((parity / "expected_crops.json").read_text()).items():
        if expected is None:
            with pytest.raises(NoFaceError, match=name):
                cut(name)
            continue
        size, crop = cut(name)
        assert crop.faces == expected["faces"], name
        np.testing.assert_array_equal(crop.landmarks, expected["landmarks"], err_msg=name)
        _, outer, face = legacy_cut(crop.landmarks, *size)
        assert list(outer) == expected["crop"], name
        np.testing.assert_allclose(face, expected["quad"], rtol=1e-9, err_msg=name)
        assert [crop.region.height, crop.region.width] == expected["cropped"], name
        sample = crop.image[16::32, 16::32].reshape(-1, 3).astype(int)  # (64, 3)
        assert np.abs(sample - expected["sample"]).max() <= 1, name
        np.testing.assert_allclose(crop.image.mean(axis=(0, 1)), expected["mean"], atol=0.5, err_msg=name)


def test_input_of_the_recorded_networks(parity, cut):
    """Every pixel of the portrait that all other recorded numbers start from."""
    _, crop = cut("WDA_BenCardin1_000.png")
    with np.load(parity / "expected_seed0.npz") as expected:
        np.testing.assert_array_equal(crop.landmarks, expected["crop/landmarks68"])
        np.testing.assert_array_equal(crop.image, expected["crop/input_256"])
