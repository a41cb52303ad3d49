"""The optimiser is the published one, to the last constant."""

import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from configs import PUBLISHED
from configs.training import KDTALKER, EmaConfig, OptimizerConfig
from kdtalker_jax.motion_models.kdtalker.training.export import load_denoiser
from kdtalker_jax.motion_models.kdtalker.training.optimizer import decay_mask, learning_rate_schedule, make_optimizer
from tests.networks import PARTS
from tests.training.synthetic import TINY


def test_the_recipe_has_the_published_constants():
    assert (KDTALKER.batch_size, KDTALKER.steps, KDTALKER.audio_noise) == (256, 500_000, 0.7)
    assert KDTALKER.peak_learning_rate == pytest.approx(5.12e-4)
    assert KDTALKER.optimizer == OptimizerConfig(None, 2e-6, 2000, 0.95, 0.999, 1e-8, 1e-6, 50.0)
    assert KDTALKER.ema == EmaConfig(enabled=False, decay=0.999, every=20)
    assert (KDTALKER.dtype, KDTALKER.accumulate, KDTALKER.denoiser) == ("float32", 1, PUBLISHED.denoiser)


@pytest.mark.parametrize("step", [0, 1, 500, 1_999, 2_000, 2_001, 100_000, 251_000, 400_000, 499_999])
def test_learning_rate_follows_the_formula(step):
    peak, warmup, total = 5.12e-4, 2_000, 500_000
    if step < warmup:
        expected = peak * step / warmup
    else:
        expected = peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))
    assert float(learning_rate_schedule(KDTALKER)(step)) == pytest.approx(expected, rel=1e-5, abs=1e-7 * peak)


DECAYING = {
    "input_projection/kernel",
    "layer_i_attention/norm/bias",
    "layer_i_attention/norm/scale",
    "layer_i_attention/projection/kernel",
    "layer_i_attention/qkv/kernel",
    "layer_i_residual_j/linear_0/kernel",
    "layer_i_residual_j/linear_1/kernel",
    "layer_i_residual_j/modulation/kernel",
    "layer_i_residual_j/norm/bias",
    "layer_i_residual_j/norm/scale",
    "output_projection/kernel",
    "time_0/kernel",
    "time_1/kernel",
}
NOT_DECAYING = {
    "input_projection/bias",
    "layer_i_attention/projection/bias",
    "layer_i_attention/rotary_frequencies",
    "layer_i_residual_j/linear_0/bias",
    "layer_i_residual_j/linear_1/bias",
    "layer_i_residual_j/modulation/bias",
    "output_projection/bias",
    "relative_bias",
    "time_0/bias",
    "time_1/bias",
}


def test_everything_but_biases_decays():
    """Gain and offset of the norms do decay, as published; rotary frequencies are not learnt at all."""
    mask = decay_mask(PARTS["denoiser"].shapes(PUBLISHED)["params"])
    found = {True: set(), False: set()}
    for path, decays in jax.tree_util.tree_leaves_with_path(mask):
        name = "/".join(entry.key for entry in path)
        for i in range(PUBLISHED.denoiser.layers):
            name = name.replace(f"layer_{i}_residual_0", "layer_i_residual_j")
            name = name.replace(f"layer_{i}_residual_1", "layer_i_residual_j").replace(f"layer_{i}_", "layer_i_")
        found[decays].add(name)
    assert found == {True: DECAYING, False: NOT_DECAYING}


def test_one_update_is_that_of_clipped_adamw():
    """Computed by hand in float64, with a gradient beyond the clipping norm."""
    config = replace(TINY, optimizer=OptimizerConfig(learning_rate=0.1, warmup_steps=1, weight_decay=0.5))
    random = np.random.default_rng(0)
    params = {"kernel": random.standard_normal(5), "bias": random.standard_normal(5)}
    gradients = {"kernel": 100 * random.standard_normal(5), "bias": random.standard_normal(5)}
    optimizer = make_optimizer(config)
    state = optimizer.init(jax.tree.map(jnp.float32, params))
    _, state = optimizer.update(jax.tree.map(jnp.zeros_like, params), state, params)  # the first step has rate 0
    updates, _ = optimizer.update(jax.tree.map(jnp.float32, gradients), state, params)
    updated = optax.apply_updates(jax.tree.map(jnp.float32, params), updates)

    clip = 50 / math.sqrt(sum(np.sum(g**2) for g in gradients.values()))
    for name, decay in (("kernel", 0.5), ("bias", 0.0)):
        g = gradients[name] * clip
        m, v = 0.05 * g / (1 - 0.95**2), 0.001 * g**2 / (1 - 0.999**2)
        expected = params[name] - 0.1 * (m / (np.sqrt(v) + 1e-8) + decay * params[name])
        np.testing.assert_allclose(updated[name], expected, rtol=1e-5)


def test_rotary_frequencies_stay_as_they_are(finished):
    trained = load_denoiser(finished).variables["params"]["layer_0_attention"]["rotary_frequencies"]
    np.testing.assert_array_equal(trained, np.float32([1, 1e-2]))
