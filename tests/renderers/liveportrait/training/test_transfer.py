"""The transfer loss: nothing where both pictures are one, and it teaches the motion extractor what it is to part."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.renderers.liveportrait.training.input import FaceClips, RendererBatches
from kdtalker_jax.renderers.liveportrait.training.reenactment import FaceMotion, Networks
from kdtalker_jax.renderers.liveportrait.training.step import Landmarks, initial_state, make_train_step
from kdtalker_jax.renderers.liveportrait.training.transfer import both_ways, of_size
from tests.training.faces import TINY_RENDERER, make_face_clips

MOTION = "motion_extractor"
CONFIG = replace(
    TINY_RENDERER,
    first=replace(TINY_RENDERER.first, rest_frozen=True, frozen_norms=True),
    loss=replace(TINY_RENDERER.loss, transfer=1.0),
)


@pytest.fixture(scope="module")
def pictures():
    return next(iter(RendererBatches(FaceClips(make_face_clips(), cache_gb=0.1), CONFIG))).pictures


@pytest.fixture(scope="module")
def state():
    """After a step, so that the learning rate is not 0."""
    state = initial_state(CONFIG)
    counted = jax.tree.map(lambda leaf: leaf + 1 if leaf.dtype == jnp.int32 else leaf, state.opt_state)
    return state.replace(step=jnp.int32(1), opt_state=counted)


def test_both_ways_are_one_for_one_picture_and_teach_exp_and_pose_for_two(state, pictures):
    networks = Networks(CONFIG, CONFIG.first, train=True)
    first, second = pictures.source / np.float32(255), pictures.target[:, 0] / np.float32(255)
    of_source, of_motion = pictures.source.shape[2], pictures.motion.shape[3]

    @jax.jit
    def apart(params, first, second):
        weights = state.weights.replace(params={**state.weights.params, MOTION: params})

        def seen(picture):
            motion = networks.motion(weights, of_size(picture, of_motion)[:, None])
            return of_size(picture, of_source), FaceMotion(*(values[:, 0] for values in motion))

        a, b = both_ways(networks, weights, seen(first), seen(second))
        return jnp.abs(a - b).mean()

    params = state.weights.params[MOTION]
    assert float(apart(params, first, first)) == 0
    assert float(apart(params, first, second)) > 1e-4
    gradient = jax.grad(apart)(params, first, second)
    for head in ("fc_exp", "fc_yaw", "fc_pitch", "fc_roll"):
        assert np.abs(gradient[head]["kernel"]).max() > 0, head


def test_a_step_of_fine_tuning_moves_the_motion_extractor_alone(state, pictures):
    landmarks = Landmarks((0, 1), (10, 11), ((10,), (11,), (2, 3)), ((0, 1),))
    after, metrics, _ = jax.jit(make_train_step(CONFIG, CONFIG.first, landmarks))(state, pictures)
    assert metrics["finite"] and metrics["transfer"] > 0
    for name, params in after.weights.params.items():
        same = jax.tree.map(np.array_equal, params, state.weights.params[name])
        assert all(jax.tree.leaves(same)) == (name != MOTION), name
