"""Each kind of prediction comes to the noise that is really there, so that one sampler serves all."""

import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.diffusion.prediction import as_noise, noised, target
from kdtalker_jax.diffusion.samplers import make_sampler, sample
from kdtalker_jax.diffusion.schedule import NoiseSchedule

SCHEDULE = NoiseSchedule()
KINDS = ("noise", "sample", "velocity")


@pytest.fixture
def clean_and_noise():
    random = np.random.default_rng(0)
    return random.standard_normal((2, 4, 3, 5)).astype(np.float32)


def test_noise_has_the_share_of_its_time(clean_and_noise):
    clean, noise = clean_and_noise
    times = np.array([0, 300, 700, 999])
    mixed = np.asarray(noised(clean, noise, times, SCHEDULE))
    for row, time in enumerate(times):
        alpha_bar = SCHEDULE.alpha_bars[time]
        wanted = np.sqrt(alpha_bar) * clean[row] + np.sqrt(1 - alpha_bar) * noise[row]
        np.testing.assert_allclose(mixed[row], wanted, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(mixed[row], noised(clean, noise, time, SCHEDULE)[row])  # one time for all


@pytest.mark.parametrize("kind", KINDS)
def test_a_perfect_answer_tells_the_noise(kind, clean_and_noise):
    clean, noise = clean_and_noise
    time = np.array([10, 300, 700, 999])
    alpha_bar = SCHEDULE.alpha_bars[time][:, None, None]
    x = np.float32(np.sqrt(alpha_bar) * clean + np.sqrt(1 - alpha_bar) * noise)
    found = as_noise(kind, target(kind, clean, noise, time, SCHEDULE), x, time, SCHEDULE)
    np.testing.assert_allclose(found, noise, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_that_knows_the_answer_is_sampled_to_it(kind, clean_and_noise):
    """Of a data set of one sample, every kind of network leads there."""
    clean, noise = clean_and_noise

    def denoise(x, time):
        alpha_bar = jnp.float32(SCHEDULE.alpha_bars)[time]
        left = (x - jnp.sqrt(alpha_bar) * clean) / jnp.sqrt(1 - alpha_bar)
        answer = {
            "noise": left,
            "sample": clean,
            "velocity": jnp.sqrt(alpha_bar) * left - jnp.sqrt(1 - alpha_bar) * clean,
        }
        return as_noise(kind, answer[kind], x, time, SCHEDULE)

    rule = make_sampler("ddim", 10, SCHEDULE)
    found = sample(lambda x, time: denoise(x, time), rule, noise)
    np.testing.assert_allclose(found, clean, atol=2e-3)
