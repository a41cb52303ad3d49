"""Networks and training do not lean on implicit promotion, which a program around them may have forbidden."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import PUBLISHED_STATISTICS, SMALL
from configs.audio import SMALL_AUDIO
from configs.retargeting import RetargetingTrainingConfig
from kdtalker_jax.animation import Animation
from kdtalker_jax.data.landmarks import LANDMARKS
from kdtalker_jax.diffusion.config import DiffusionConfig
from kdtalker_jax.diffusion.prediction import Kind
from kdtalker_jax.motion_models.kdtalker.model import Carry, sample_window
from kdtalker_jax.motion_models.kdtalker.parts import DENOISER
from kdtalker_jax.motion_models.kdtalker.training.input import Batches, UsableClips
from kdtalker_jax.motion_models.kdtalker.training.step import initial_state, make_train_step
from kdtalker_jax.recipes import audio
from kdtalker_jax.renderers.liveportrait.model import describe, render, stitch
from kdtalker_jax.renderers.liveportrait.training import retargeting, step
from kdtalker_jax.renderers.liveportrait.training.memory import picture_shapes
from kdtalker_jax.renderers.liveportrait.training.reenactment import fresh_weights
from kdtalker_jax.spaces.geometry import drive
from kdtalker_jax.spaces.keypoints import Motion, canonical_token, denormalise, normalise
from tests.networks import PARTS
from tests.training.faces import TINY_RENDERER
from tests.training.synthetic import TINY, make_clips


@pytest.fixture(autouse=True)
def strict() -> Iterator[None]:
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


def float32s(*shape):
    return np.zeros(shape, np.float32)


def pictures_of(config, phase, batch):
    """Shapes of a batch from a data set with landmarks."""
    pictures = picture_shapes(config, phase, batch)
    landmarks = (*pictures.landmarks.shape[:2], len(LANDMARKS), 2)
    return pictures._replace(landmarks=jax.ShapeDtypeStruct(landmarks, np.float32))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize("name", PARTS)
def test_networks(name, folded, dtype):
    arguments, keywords = PARTS[name].inputs(SMALL)
    network = PARTS[name].build(SMALL, folded=folded, dtype=dtype)
    if not folded and name != "retargeting":
        keywords = keywords | {"train": True}

    def total(variables, *arguments):
        outputs, _ = network.apply(variables, *arguments, mutable=["batch_stats", "spectral"], **keywords)
        return sum(leaf.astype(jnp.float32).sum() for leaf in jax.tree.leaves(outputs))

    jax.eval_shape(jax.grad(total), PARTS[name].shapes(SMALL, folded=folded), *arguments)


@pytest.mark.parametrize("prediction", get_args(Kind))
@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "pndm", "dpm++"])
def test_sampling(small_model, sampler, prediction):
    model, config = small_model.motion_model, SMALL.denoiser
    rule = Animation(sampler=sampler, steps=5).of(model, None)[0]
    state, noise = Carry(float32s(2, 70), float32s(2, 70)), model.noise(jax.random.split(jax.random.key(0), 2), 3)
    window = (state, float32s(2, 64, config.audio_features), noise)
    diffusion = DiffusionConfig(prediction=prediction, noise_offset=0.5)
    jax.eval_shape(
        partial(sample_window, DENOISER.build(SMALL), diffusion), small_model.params["denoiser"], rule, *window
    )


def test_describing_and_rendering(small_model):
    params = small_model.params
    networks = {part.name: part.build(SMALL) for part in PARTS.values()}
    source, _ = jax.eval_shape(partial(describe, networks), params, np.zeros((1, 64, 64, 3), np.uint8))
    jax.eval_shape(partial(render, networks), params, source, float32s(2, 21, 3))
    jax.eval_shape(partial(stitch, networks), params, source.keypoints, float32s(2, 21, 3))


@pytest.mark.parametrize("relative", [False, True])
def test_driving(relative):
    motion = Motion.from_vector(np.ones((3, 70)))
    assert drive(float32s(63), Motion.from_vector(np.ones((1, 70))), motion, relative=relative).shape == (3, 21, 3)


def test_motion():
    vectors = jax.eval_shape(
        lambda x: denormalise(normalise(x, PUBLISHED_STATISTICS), PUBLISHED_STATISTICS), float32s(3, 70)
    )
    assert vectors.shape == (3, 70)
    assert canonical_token(float32s(2, 63), PUBLISHED_STATISTICS).shape == (2, 70)


@pytest.mark.parametrize(
    "config",
    [
        TINY,
        replace(
            TINY,
            min_snr=0.5,
            first_frame=2.0,
            accumulate=2,
            dtype="bfloat16",
            diffusion=replace(TINY.diffusion, noise_offset=0.1),
            optimizer=replace(TINY.optimizer, kind="muon"),
        ),
    ],
)
def test_a_step_of_training(config):
    windows = next(Batches(UsableClips(make_clips(), 64, config.input), config)).windows
    state = jax.eval_shape(lambda: initial_state(config))
    jax.eval_shape(make_train_step(config, PUBLISHED_STATISTICS), state, windows)


@pytest.mark.parametrize(
    ("config", "phase"),
    [
        (TINY_RENDERER, 0),
        (TINY_RENDERER, 1),
        (replace(TINY_RENDERER, accumulate=2, dtype="bfloat16", remat=True), 1),
        (
            replace(
                TINY_RENDERER,
                optimizer=replace(TINY_RENDERER.optimizer, kind="muon"),
                first=replace(TINY_RENDERER.first, motion_only=True),
            ),
            0,
        ),
        (replace(TINY_RENDERER, first=replace(TINY_RENDERER.first, motion_frozen=True, frozen_norms=True)), 0),
    ],
)
def test_a_step_of_the_renderers_training(config, phase):
    phase = config.phases[phase]
    pictures = pictures_of(config, phase, phase.batch_size)
    landmarks = step.Landmarks((0, 1), (10, 11), ((10,), (11,), (2, 3)), ((0, 1),))
    state = jax.eval_shape(lambda: step.initial_state(config))
    jax.eval_shape(step.make_train_step(config, phase, landmarks), state, pictures)


def test_a_step_of_retargetings_training():
    model = replace(TINY_RENDERER, frames=replace(TINY_RENDERER.frames, drivings=1))
    config = RetargetingTrainingConfig(phase=replace(model.first, batch_size=2), frames=model.frames)
    state = jax.eval_shape(lambda: retargeting.initial_state(config, model, fresh_weights(model)))
    pictures = pictures_of(model, model.first, 2)
    jax.eval_shape(retargeting.make_retargeting_step(config, model), state, pictures)


def test_a_step_of_the_audio_encoders_training():
    state = jax.eval_shape(lambda: audio.initial_state(SMALL_AUDIO))
    heard = audio.Heard(float32s(4, 80, 16), float32s(4, 3))
    jax.eval_shape(audio.make_audio_step(SMALL_AUDIO), state, heard)
