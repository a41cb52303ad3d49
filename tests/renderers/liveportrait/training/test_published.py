"""The renderer at the published size: it takes a step in the memory that it says it needs."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from configs.renderer import LIVEPORTRAIT
from kdtalker_jax.renderers.liveportrait.training.memory import picture_shapes, step_memory
from kdtalker_jax.renderers.liveportrait.training.step import Landmarks, initial_state, make_train_step


@pytest.mark.slow
def test_the_published_size_takes_a_step_and_says_what_it_needs():
    config = replace(LIVEPORTRAIT, accumulate=1, first=replace(LIVEPORTRAIT.first, batch_size=1))
    random = np.random.default_rng(0)
    pictures = jax.tree.map(
        lambda like: random.integers(0, 256, like.shape).astype(like.dtype), picture_shapes(config, config.first, 1)
    )
    state = initial_state(config).replace(step=np.int32(1))
    before = np.asarray(state.weights.statistics["appearance"]["batch_stats"]["first"]["norm"]["mean"])
    step = jax.jit(make_train_step(config, config.first, Landmarks()), donate_argnums=0)
    state, metrics, _ = step(state, pictures)
    assert metrics["finite"]
    assert metrics["discriminator"] > 0
    after = state.weights.statistics["appearance"]["batch_stats"]["first"]["norm"]["mean"]
    assert np.abs(after - before).max() > 1e-3
    memory = step_memory(config, config.first, devices=1)
    assert 1.5e9 < memory.state < 3e9
    assert memory.per_sample == memory.working
    assert 2e9 < memory.working < 10e9
