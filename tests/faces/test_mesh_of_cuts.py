"""The face mesh within larger programs says what it says by itself."""

import jax
import numpy as np
import pytest

from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.faces.detector import Box
from kdtalker_jax.faces.mesh import FaceMesh, Square, in_units
from kdtalker_jax.faces.mesh_of_cuts import CutMesh
from kdtalker_jax.faces.mesh_points import with_irises
from tests.faces.discs import disc_mesh, scene


@pytest.fixture(scope="module")
def discs(tmp_path_factory):
    file = tmp_path_factory.mktemp("mesh") / "discs.tflite"
    file.write_bytes(disc_mesh())
    return file


def test_it_agrees_with_the_mesh_that_looks_anywhere(discs):
    """To a share of a pixel: OpenCV rounds places to 1/32 of one, and colours."""
    cuts = np.stack([scene((100, 90), 50, (192, 192)), scene((96, 110), 60, (192, 192)), scene(None, 0, (192, 192))])
    points, probability = jax.jit(CutMesh(discs))(cuts)
    assert points.shape == (3, 478, 3) and points.dtype == np.float32
    mesh, whole = FaceMesh(discs), Square(96, 96, 192)
    for cut, found, sure in zip(cuts[:2], points, probability, strict=False):
        expected = mesh.again(cut, mesh.look(cut, whole).points)
        np.testing.assert_allclose(sure, expected.probability, atol=0.02)
        in_picture = in_units(with_irises(expected.points), Box(0, 0, 192, 192))
        np.testing.assert_allclose(found, in_picture, atol=2 / 192)
    assert probability[0] > 0.5 and probability[1] > 0.5
    assert probability[2] < 0.01, "there is no face"


def test_without_a_network_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("KDTALKER_FACE_MESH", str(tmp_path / "absent.tflite"))
    with pytest.raises(CheckpointError, match="no face mesh at"):
        CutMesh()(np.zeros((1, 64, 64, 3), np.uint8))
