"""ArcFace's network against numbers of PyTorch, for the same weights and pictures, and how faces come to lie in it."""

import cv2
import jax
import numpy as np
import pytest
import safetensors.numpy

from kdtalker_jax.errors import InputError
from kdtalker_jax.metrics.arcface import ArcFaceReader, aligned, arcface, load_arcface
from tests.metrics.networks import arcface_weights, pictures

EVERY = 100  # numbers
EXPECTED = [  # of PyTorch modules laid out as in arcface_torch
    [
        *(-4.253899574279785, -0.6200626492500305, -0.7621059417724609),
        *(-0.16467583179473877, -0.6221984028816223, 1.1793071031570435),
    ],
    [
        *(-4.261036396026611, -2.34549880027771, 0.1481602042913437),
        *(1.0680075883865356, 1.4763578176498413, 0.6274611353874207),
    ],
]
PLACES = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])


@pytest.fixture(scope="module")
def weights():
    return arcface_weights()


@pytest.fixture(scope="module")
def file(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("arcface") / "arcface.safetensors"
    safetensors.numpy.save_file(weights, path)
    return path


def landmarks(places):
    """(68, 2) of a face whose eyes, nose and mouth are at five places."""
    points = np.zeros((68, 2))
    points[36:42], points[42:48], points[30], points[48], points[54] = places
    return points


def test_the_network_is_that_of_pytorch(file):
    layers = load_arcface(file)
    assert [len(blocks) for blocks in layers.stages] == [1, 2, 1, 1]
    found = jax.jit(arcface)(layers, pictures(2, 112, 112).astype(np.float32))
    np.testing.assert_allclose(found[:, ::EVERY], EXPECTED, atol=1e-4)


def test_a_face_that_lies_right_is_taken_as_it_is(file):
    picture = pictures(2, 112, 112)[0]
    np.testing.assert_array_equal(aligned(picture, landmarks(PLACES)), picture)
    np.testing.assert_allclose(ArcFaceReader(file)(picture, landmarks(PLACES))[::EVERY], EXPECTED[0], atol=1e-4)


def test_faces_are_turned_scaled_and_moved():
    picture = cv2.GaussianBlur(pictures(1, 112, 112)[0], (0, 0), 3)
    turn = 1.5 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    move = np.array([60.0, 20.0])
    large = cv2.warpAffine(picture, np.column_stack([turn, move]), (260, 260))
    found = aligned(large, landmarks(PLACES @ turn.T + move))
    assert np.abs(found[8:-8, 8:-8].astype(int) - picture[8:-8, 8:-8]).mean() < 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layer2.1.prelu.weight": None}, "has no layer2.1.prelu.weight in it: give the weights of an iresnet"),
        ({"fc.weight": np.ones((512, 512), np.float32)}, "another fc.weight, 512x512 for 512x25088"),
        ({"layer3.0.downsample.0.weight": None}, "has blocks of another network in layer3.0"),
    ],
)
def test_other_weights_are_refused(weights, tmp_path, change, message):
    changed = {name: array for name, array in (weights | change).items() if array is not None}
    safetensors.numpy.save_file(changed, tmp_path / "arcface.safetensors")
    with pytest.raises(InputError, match=message):
        load_arcface(tmp_path / "arcface.safetensors")
