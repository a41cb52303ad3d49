"""A step of training on the device that is here: as a CPU makes it."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from configs import PUBLISHED_STATISTICS
from kdtalker_jax import parallel
from kdtalker_jax.motion_models.kdtalker.training import step as denoising
from kdtalker_jax.motion_models.kdtalker.training.input import Batches, UsableClips
from kdtalker_jax.renderers.liveportrait.training import step as rendering
from kdtalker_jax.renderers.liveportrait.training.input import FaceClips, RendererBatches
from tests.training.faces import TINY_RENDERER, make_face_clips
from tests.training.synthetic import TINY, make_clips

pytestmark = pytest.mark.accelerator

STEPS = 3  # the learning rate of the first is 0


def losses(make_step, initial_state, batches):
    """Of a few steps, with products as exact as a CPU's."""
    step, state, found = jax.jit(make_step()), initial_state(), []
    with jax.default_matmul_precision("highest"):
        for batch in batches:
            state, metrics, _ = step(state, batch)
            assert metrics["finite"]
            found.append(float(metrics["loss"]))
    return found


def compare(*arguments):
    here = losses(*arguments)
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        expected = losses(*arguments)
    np.testing.assert_allclose(here, expected, rtol=1e-3)


def test_the_denoisers_steps():
    batches = Batches(UsableClips(make_clips(), 64, TINY.input), TINY)
    windows = [next(batches).windows for _ in range(STEPS)]
    compare(
        lambda: denoising.make_train_step(TINY, PUBLISHED_STATISTICS), lambda: denoising.initial_state(TINY), windows
    )


def test_the_denoisers_step_in_bfloat16():
    batch = next(Batches(UsableClips(make_clips(), 64, TINY.input), TINY)).windows
    low, exact = (
        losses(
            lambda config=config: denoising.make_train_step(config, PUBLISHED_STATISTICS),
            lambda config=config: denoising.initial_state(config),
            [batch],
        )
        for config in (replace(TINY, dtype="bfloat16"), TINY)
    )
    np.testing.assert_allclose(low, exact, rtol=0.02)


def test_the_renderers_steps():
    """Of the second phase, with the adversary."""
    config = replace(TINY_RENDERER, first=TINY_RENDERER.second)
    batches = RendererBatches(FaceClips(make_face_clips(), cache_gb=0.1), config)
    pictures = [next(batches).pictures for _ in range(STEPS)]
    compare(
        lambda: rendering.make_train_step(config, config.first, rendering.Landmarks()),
        lambda: rendering.initial_state(config),
        pictures,
    )


def test_all_devices_learn_what_one_learns():
    """Each takes its share of a batch, and their means are those of the whole."""
    devices = parallel.device_count()
    if devices == 1:
        pytest.skip("needs two devices: there is one here")
    config = replace(TINY, batch_size=2 * devices)
    batches = Batches(UsableClips(make_clips(), 64, config.input), config)
    windows = [next(batches).windows for _ in range(STEPS)]
    step = parallel.map_step(denoising.make_train_step(config, PUBLISHED_STATISTICS))
    state, together = parallel.place(denoising.initial_state(config)), []
    with jax.default_matmul_precision("highest"):
        for batch in windows:
            state, metrics, _ = step(state, batch)
            together.append(float(metrics["loss"]))
    alone = losses(
        lambda: denoising.make_train_step(config, PUBLISHED_STATISTICS),
        lambda: denoising.initial_state(config),
        windows,
    )
    np.testing.assert_allclose(together, alone, rtol=1e-3)
