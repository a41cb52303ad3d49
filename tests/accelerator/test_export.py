"""The exported programs run on the device that is here and compute what the model computes."""

import numpy as np
import pytest

from kdtalker_jax.compilation import About, load_export, write_export
from kdtalker_jax.seeds import random_key

pytestmark = pytest.mark.accelerator


@pytest.fixture(scope="module")
def exported(model, source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    write_export(folder, model, source, About("demo", "kdtalker", "float32", 2, "ddpm", 3))
    return load_export(folder)


def test_frames_are_those_of_the_model(model, source, exported):
    keypoints = source.keypoints + np.random.default_rng(0).normal(0, 0.02, (2, 21, 3)).astype(np.float32)
    _, expected, _ = model.renderer.frames(model.params, source.arrays, (), keypoints)
    _, frames, finite = exported.frames(model.params, source.arrays, (), keypoints)
    assert np.asarray(finite).all()
    assert np.abs(np.int32(frames) - np.int32(expected)).max() <= 1


def test_motion_is_that_of_the_model(model, source, exported):
    mover = model.motion_model
    features = np.random.default_rng(0).standard_normal((1, 64, mover.hears.width)).astype(np.float32)
    state, noise = mover.begin([source.own]), mover.noise(random_key(1)[None], 0)
    _, expected = mover.window(model.params, mover.rule("ddpm", 3), state, features, mover.Controls(), noise)
    _, motion = exported.motion(model.params, state, features, noise)
    np.testing.assert_allclose(motion, expected, atol=1e-4)
