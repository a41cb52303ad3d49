"""Networks and training do not lean on implicit promotion, which a program around them may have forbidden."""

from collections.abc import Iterator
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import PUBLISHED_STATISTICS, SMALL
from kdtalker_jax.animation import Animation
from kdtalker_jax.motion.coefficients import Motion, canonical_token, denormalise, normalise
from kdtalker_jax.motion.keypoints import drive
from kdtalker_jax.networks import JUDGES, NETWORKS, build, example_inputs, variable_shapes
from kdtalker_jax.training.input import Batches, UsableClips
from kdtalker_jax.training.step import initial_state, make_train_step
from tests.training.synthetic import TINY, make_clips


@pytest.fixture(autouse=True)
def strict() -> Iterator[None]:
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


def float32s(*shape):
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize("name", NETWORKS | JUDGES)
def test_networks(name, folded, dtype):
    arguments, keywords = example_inputs(name, SMALL)
    network = build(name, SMALL, folded=folded, dtype=dtype)
    if not folded and name != "retargeting":
        keywords = keywords | {"train": True}

    def total(variables, *arguments):
        outputs, _ = network.apply(variables, *arguments, mutable=["batch_stats", "spectral"], **keywords)
        return sum(leaf.astype(jnp.float32).sum() for leaf in jax.tree.leaves(outputs))

    jax.eval_shape(jax.grad(total), variable_shapes(name, SMALL, folded=folded), *arguments)


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "pndm", "dpm++"])
def test_sampling(small_model, sampler):
    stages, config = small_model.stages, SMALL.denoiser
    rule = Animation(sampler=sampler, steps=5).rule(config)
    token, key = float32s(70), jax.random.key(0)
    window = (token, token, float32s(64, config.audio_features), float32s(64, 70), key)
    jax.eval_shape(stages.sample_window.__wrapped__, small_model.params, rule, *window)


def test_describing_and_rendering(small_model):
    stages, params = small_model.stages, small_model.params
    source, _ = jax.eval_shape(stages.describe, params, np.zeros((1, 64, 64, 3), np.uint8))
    jax.eval_shape(stages.render, params, source, float32s(2, 21, 3))
    jax.eval_shape(stages.stitch, params, source.keypoints, float32s(2, 21, 3))
    jax.eval_shape(stages.encode_audio, params, float32s(4, 80, 16))


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
            denoiser=replace(TINY.denoiser, noise_offset=0.1),
            optimizer=replace(TINY.optimizer, kind="muon"),
        ),
    ],
)
def test_a_step_of_training(config):
    windows = next(Batches(UsableClips(make_clips(), 64, config.input), config)).windows
    state = jax.eval_shape(lambda: initial_state(config))
    jax.eval_shape(make_train_step(config, PUBLISHED_STATISTICS), state, windows)
