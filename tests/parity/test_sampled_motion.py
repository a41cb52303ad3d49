"""The recorded samplings: the published denoiser run by every sampler from the same noise."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.diffusion.samplers import make_sampler, sample
from kdtalker_jax.motion_models.kdtalker.network import Denoiser


@pytest.fixture(scope="module")
def denoiser(checkpoint):
    return Denoiser(checkpoint.config.denoiser), checkpoint.variables("denoiser")


@pytest.fixture(scope="module")
def sample_window(denoiser, expected):
    """(rule, noise) -> the first window of motion (64, 70)."""
    network, variables = denoiser
    context = np.stack([expected["sampling/ori"], expected["sampling/ref"]], axis=1)  # (1, 2, 70)
    audio = np.pad(expected["audio/features"][None, :64], [(0, 0), (2, 0), (0, 0)])  # (1, 66, 512)

    def denoise(variables, x, time):
        tokens = jnp.concatenate([context, x], axis=1)  # (1, 66, 70)
        return network.apply(variables, tokens, jnp.full(1, time), audio)[:, 2:]

    @jax.jit
    def run(variables, rule, x_T, noise):
        return sample(partial(denoise, variables), rule, x_T, noise=noise)

    return lambda rule, noise: run(variables, rule, expected["sampling/x_T"][None], noise)[0]


@pytest.mark.parametrize(("name", "steps"), [("ddim", 50), ("ddim", 10), ("pndm", 50), ("ddpm", 20)])
def test_sampled_motion(sample_window, expected, assert_parity, name, steps):
    noise = expected["sampling/ddpm_20_noise"][:, None] if name == "ddpm" else None  # (19, 1, 64, 70)
    motion = sample_window(make_sampler(name, steps), noise)
    assert_parity(f"sampling/{name}_{steps}", motion, 1e-3)
