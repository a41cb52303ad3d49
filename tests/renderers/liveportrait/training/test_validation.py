"""How a renderer in training is judged: by pictures, by what is known of them, and by a sheet to look at."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.metrics.similarity import compare
from kdtalker_jax.renderers.liveportrait.training.input import FaceClips, fixed_choices, stack_pictures
from kdtalker_jax.renderers.liveportrait.training.reenactment import Networks, fresh_weights
from kdtalker_jax.renderers.liveportrait.training.step import Landmarks
from kdtalker_jax.renderers.liveportrait.training.validation import RendererValidation
from tests.training.faces import TINY_RENDERER, make_face_clips

PAIRS, SIZE = 3, 32  # side of the first phase's pictures
PHASE = TINY_RENDERER.first
LANDMARKS = Landmarks((0, 1), (10, 11))
SIMILARITIES = {"psnr", "ssim", "l1"}


@pytest.fixture(scope="module")
def stored():
    return make_face_clips()


@pytest.fixture(scope="module")
def clips(stored):
    return FaceClips(stored, cache_gb=0.1)


@pytest.fixture(scope="module")
def weights():
    return fresh_weights(TINY_RENDERER)


@pytest.fixture(scope="module")
def judged(clips, weights):
    return RendererValidation(TINY_RENDERER, PHASE, clips, LANDMARKS)(weights)


@pytest.fixture(scope="module", params=["self", "cross"])
def pairs(request, clips, weights):
    """A kind of pair: its name, its pictures, and what the networks make of them without any batches."""
    choices = fixed_choices(clips, PAIRS, cross=request.param == "cross")
    pictures = stack_pictures(clips, choices, TINY_RENDERER, PHASE, np.arange(PAIRS, dtype=np.int32))
    networks = Networks(TINY_RENDERER, PHASE, train=False)
    source, motion = (jnp.asarray(each, jnp.float32) / 255 for each in (pictures.source, pictures.motion))
    reenacted, _ = jax.jit(networks.reenact)(weights, source, motion)
    return request.param, pictures, reenacted


def test_pictures_are_compared_with_their_targets(judged, pairs):
    numbers, _ = judged
    kind, pictures, reenacted = pairs
    made = np.uint8(np.round(np.asarray(reenacted.pictures) * 255))
    for name, value in compare(made, pictures.target[:, 0])._asdict().items():
        assert numbers[f"{kind}/{name}"] == pytest.approx(value, rel=1e-3), name


def test_the_loss_is_the_mean_difference_of_all_kinds(judged):
    numbers, _ = judged
    assert set(numbers) == {f"{kind}/{name}" for kind in ("self", "cross") for name in SIMILARITIES} | {
        "yaw", "pitch", "roll", "landmarks", "loss",
    }  # fmt: skip
    assert numbers["loss"] == pytest.approx((numbers["self/l1"] + numbers["cross/l1"]) / 2)


def test_motion_is_compared_with_what_is_known(judged, pairs):
    """Of both pictures of a pair, and only where source and driving picture show one head."""
    numbers, _ = judged
    kind, pictures, reenacted = pairs
    if kind == "self":
        angles = np.abs(np.asarray(reenacted.motion.angles) - pictures.state[..., :3]).mean(axis=(0, 1))
        np.testing.assert_allclose([numbers[name] for name in ("yaw", "pitch", "roll")], angles, rtol=1e-4)
        guided = np.asarray(reenacted.keypoints)[:, :, list(LANDMARKS.keypoints), :2]
        distances = np.linalg.norm(guided - pictures.landmarks[:, :, list(LANDMARKS.guides)], axis=-1)
        assert numbers["landmarks"] == pytest.approx(distances.mean(), rel=1e-4)


def test_a_row_shows_source_driving_picture_output_and_target(judged, pairs):
    _, sheet = judged
    kind, pictures, reenacted = pairs
    drawn = TINY_RENDERER.validation.pictures
    assert sheet.shape == (2 * drawn * SIZE, 4 * SIZE, 3)
    assert sheet.dtype == np.uint8
    for i in range(drawn):
        row = sheet[(i + drawn * (kind == "cross")) * SIZE :][:SIZE]
        source, driving, output, target = np.split(row, 4, axis=1)
        np.testing.assert_array_equal(driving, pictures.motion[i, 1])
        np.testing.assert_array_equal(target, pictures.target[i, 0])
        np.testing.assert_allclose(output, np.asarray(reenacted.pictures[i]) * 255, atol=0.6)
        assert np.abs(source[::2, ::2].astype(int) - pictures.source[i]).mean() < 8  # enlarged


def test_without_truth_pictures_alone_are_judged(stored, weights):
    """As `pipelines.extract` writes clips: nothing is known of a head's motion, and nobody has a twin."""
    bare = [{"name": clip["name"].encode(), "jpeg": clip["jpeg"]} for clip in stored]
    config = replace(TINY_RENDERER, validation=replace(TINY_RENDERER.validation, pictures=1))
    numbers, sheet = RendererValidation(config, PHASE, FaceClips(bare, cache_gb=0), Landmarks())(weights)
    assert set(numbers) == {f"self/{name}" for name in SIMILARITIES} | {"loss"}
    assert numbers["loss"] == numbers["self/l1"]
    assert sheet.shape == (SIZE, 4 * SIZE, 3)


def test_where_nothing_is_drawn_there_is_no_sheet(clips):
    config = replace(TINY_RENDERER, validation=replace(TINY_RENDERER.validation, pictures=0))
    validation = RendererValidation(config, PHASE, clips, Landmarks())

    def still(weights, pictures):
        """Whatever networks there are, compiled or not, this is not about them."""
        angles = np.zeros((len(pictures.target), 2, 3), np.float32)
        return {"pictures": pictures.target[:, 0], "angles": angles, "keypoints": angles}

    validation._render = still
    numbers, sheet = validation(None)
    assert numbers["loss"] == 0
    assert sheet is None
