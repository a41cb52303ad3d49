"""Terms of the loss that need a classifier which the user brings."""

from dataclasses import replace

import jax
import numpy as np
import pytest
import safetensors.numpy

from configs.renderer import LossConfig
from kdtalker_jax.errors import InputError
from kdtalker_jax.renderers.liveportrait.training.perceptual import (
    features,
    identity_loss,
    load_classifiers,
    load_vgg,
    perceptual_loss,
)
from tests.training.faces import TINY_RENDERER


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    """Three blocks, of two, one and two convolutions, as torchvision numbers them, and a classifier on top."""
    random, inputs, arrays = np.random.default_rng(0), 3, {}
    for layer, outputs in ((0, 4), (2, 4), (5, 6), (8, 8), (10, 8)):
        arrays[f"features.{layer}.weight"] = random.standard_normal((outputs, inputs, 3, 3)).astype(np.float32) / 3
        arrays[f"features.{layer}.bias"] = random.standard_normal(outputs).astype(np.float32) / 10
        inputs = outputs
    return {**arrays, "classifier.0.weight": np.zeros((2, 2), np.float32)}


@pytest.fixture(params=[".safetensors", ".npz"])
def file(weights, tmp_path, request):
    path = tmp_path / f"vgg{request.param}"
    if request.param == ".npz":
        np.savez(path, **weights)
    else:
        safetensors.numpy.save_file(weights, path)
    return path


@pytest.fixture
def pictures() -> jax.Array:
    return jax.random.uniform(jax.random.key(0), (2, 2, 64, 64, 3))


def test_poolings_are_where_numbers_jump(file):
    blocks = load_vgg(file)
    assert [len(block) for block in blocks] == [2, 1, 2]
    maps = features(blocks, np.zeros((1, 32, 32, 3), np.float32))
    assert [x.shape for x in maps] == [(1, 32, 32, 4), (1, 16, 16, 6), (1, 8, 8, 8)]


def test_the_first_map_is_that_of_the_definition(file, weights, pictures):
    picture = np.asarray(pictures[0, :1])
    found = features(load_vgg(file), picture)[0][0, 5, 7]
    patch = (picture[0, 4:7, 6:9] - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]  # (3, 3, 3)
    expected = np.einsum("oihw,hwi->o", weights["features.0.weight"], patch) + weights["features.0.bias"]
    np.testing.assert_allclose(found, np.maximum(expected, 0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("loss", [perceptual_loss, identity_loss])
def test_equal_pictures_have_no_loss_and_others_have(file, pictures, loss):
    blocks = load_vgg(file)
    np.testing.assert_allclose(loss(blocks, pictures[0], pictures[0]), 0, atol=1e-5)
    assert (loss(blocks, pictures[0], 1 - pictures[0] ** 2) > 1e-4).all()


def test_terms_that_are_off_need_nothing():
    classifiers = load_classifiers(TINY_RENDERER)
    assert jax.tree.leaves(classifiers) == []


def test_a_term_without_weights_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"loss.perceptual needs the weights of a VGG: set perceptual_weights"):
        load_classifiers(replace(TINY_RENDERER, loss=LossConfig(perceptual=1.0)))
    (tmp_path / "other.safetensors").write_bytes(b"nothing")
    config = replace(TINY_RENDERER, loss=LossConfig(identity=1.0), identity_weights=str(tmp_path / "other.safetensors"))
    with pytest.raises(InputError, match=r"other.safetensors cannot be read as weights"):
        load_classifiers(config)
    np.savez(tmp_path / "other.npz", weight=np.zeros(3))
    with pytest.raises(InputError, match=r"has no features.0.weight in it"):
        load_vgg(tmp_path / "other.npz")
