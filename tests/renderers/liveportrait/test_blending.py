"""The portrait itself, moved and blended in: what no feature carries. The published networks have no such thing."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from configs import SMALL
from kdtalker_jax.nn.folding import fold
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.records import from_json
from kdtalker_jax.renderers.liveportrait.config import GeneratorConfig
from kdtalker_jax.renderers.liveportrait.model import LivePortrait
from kdtalker_jax.renderers.liveportrait.networks.generator import pixel_shuffle, pixel_unshuffle
from tests.networks import REQUIRED

BLENDED = SMALL.replace(
    warping=replace(SMALL.warping, flow=True), generator=replace(SMALL.generator, portrait=True)
)  # fmt: skip
SIDE = 128  # of frames


@pytest.fixture(scope="module")
def variables() -> dict:
    return {name: random_variables(name, BLENDED) for name in REQUIRED}


@pytest.fixture(scope="module")
def model(variables) -> TalkingPortrait:
    return TalkingPortrait(BLENDED, {name: fold(tree) for name, tree in variables.items()})


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """Noise: nothing that a generator with random weights could paint."""
    return np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def test_a_portrait_is_taken_at_the_size_of_what_is_made(model, small_model, picture):
    assert (model.renderer.picture_size, model.renderer.output_size) == (SIDE, SIDE)
    source = model.prepare(picture, crop="none")
    np.testing.assert_array_equal(source.image, picture)
    np.testing.assert_allclose(source.arrays.picture[0], picture / 255, atol=1e-6)
    small = small_model.prepare(picture, crop="none")  # of the same weights, its crop averaged before
    np.testing.assert_allclose(source.own.motion.exp, small.own.motion.exp, atol=2e-2)


def opaque(params: dict) -> dict:
    """With a mask that is 1 everywhere."""
    last = params["generator"]["params"]["conv_img"]
    bias = np.asarray(last["bias"]).copy()
    bias[-(SMALL.generator.pixel_shuffle**2) :] = 1e4
    generator = {**params["generator"]["params"], "conv_img": {"kernel": 0 * last["kernel"], "bias": bias}}
    return {**params, "generator": {"params": generator}}


def test_what_does_not_move_is_the_portrait_where_the_mask_wants_it(variables, picture):
    model = TalkingPortrait(BLENDED, opaque({name: fold(tree) for name, tree in variables.items()}))
    source = model.prepare(picture, crop="none")
    still = model.drive(source, source.own.motion)  # driven by its own motion: nothing moves
    (frames,) = model.render(source, still, batch_size=1)
    assert np.abs(frames[0].astype(int) - picture).max() <= 1
    away = replace(still, keypoints=still.keypoints + np.float32([0.3, 0, 0]))
    (frames,) = model.render(source, away, batch_size=1)
    assert np.abs(frames[0].astype(int) - picture).mean() > 20, "and what moves is not"


def test_frames_in_batches_are_those_alone(model, picture):
    source = model.prepare(picture, crop="none")
    motion = model.drive(source, source.own.motion)
    keypoints = motion.keypoints + 0.1 * np.random.default_rng(1).standard_normal((3, 21, 3)).astype(np.float32)
    motion = replace(motion.join(motion, motion), keypoints=keypoints)
    (together,) = model.render(source, motion, batch_size=3)
    alone = np.concatenate(list(model.render(source, motion, batch_size=1)))
    assert np.abs(together.astype(int) - alone).max() <= 1


def test_files_from_before_there_was_such_a_thing_mean_none():
    older = {name: value for name, value in asdict(GeneratorConfig()).items() if name != "portrait"}
    older["up_widths"] = list(older["up_widths"])
    assert from_json(GeneratorConfig, older) == GeneratorConfig()
    del older["width"]
    with pytest.raises(ValueError, match="width is missing"):
        from_json(GeneratorConfig, older)


def test_networks_have_to_agree():
    config = SMALL.replace(generator=replace(SMALL.generator, portrait=True))
    problem = LivePortrait.disagreement(config, ("warping", "generator"))
    assert "portrait blended in" in problem


def test_shuffling_pixels_can_be_undone():
    x = np.random.default_rng(2).random((2, 8, 4, 3)).astype(np.float32)
    np.testing.assert_array_equal(pixel_shuffle(pixel_unshuffle(x, 2), 2), x)
