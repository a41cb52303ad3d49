"""The loss and the audio noise are the published ones."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import PUBLISHED_STATISTICS
from kdtalker_jax.diffusion.config import DiffusionConfig
from kdtalker_jax.diffusion.prediction import as_noise, signal_and_spread, snr_weights, target
from kdtalker_jax.diffusion.schedule import NoiseSchedule
from kdtalker_jax.motion_models.kdtalker.network import Denoiser
from kdtalker_jax.motion_models.kdtalker.training.loss import (
    Examples,
    Windows,
    add_audio_noise,
    denoising_losses,
    to_examples,
)
from kdtalker_jax.motion_models.kdtalker.training.step import initial_state
from kdtalker_jax.spaces.keypoints import denormalise
from tests.training.synthetic import TINY


def test_windows_become_normalised_tokens():
    """Seven zeros and the canonical keypoints, the reference, then the window; two tokens without sound."""
    random = np.random.default_rng(0)
    normalised = random.standard_normal((2, 65, 70)).astype(np.float32)
    kp = np.tile(np.float32(PUBLISHED_STATISTICS.kp_mean) + np.float32(PUBLISHED_STATISTICS.kp_std), (2, 1))
    audio = random.standard_normal((2, 64, 8)).astype(np.float32)
    windows = Windows(denormalise(normalised, PUBLISHED_STATISTICS), kp, audio, np.arange(2))
    examples = to_examples(windows, PUBLISHED_STATISTICS)
    np.testing.assert_allclose(examples.prefix[:, 0], np.tile([0.0] * 7 + [1.0] * 63, (2, 1)), atol=1e-4)
    np.testing.assert_allclose(examples.prefix[:, 1], normalised[:, 0], atol=1e-3)
    np.testing.assert_allclose(examples.motion, normalised[:, 1:], atol=1e-3)
    assert not examples.audio[:, :2].any()
    np.testing.assert_array_equal(examples.audio[:, 2:], audio)


def test_audio_noise_has_the_statistics_of_the_batch_with_its_zero_tokens():
    audio = np.pad(np.random.default_rng(0).normal(3, 2, (64, 64, 32)).astype(np.float32), ((0, 0), (2, 0), (0, 0)))
    keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(0), np.arange(64))
    noise = np.asarray(add_audio_noise(audio, keys)) - audio
    assert abs(noise.mean() - audio.mean()) < 0.03
    assert abs(noise.std() - audio.std()) < 0.03
    zero_tokens = noise[:, :2]
    assert abs(zero_tokens.mean() - audio.mean()) < 0.15, "the two zero tokens are noised too"
    assert abs(zero_tokens.std() - audio.std()) < 0.15
    assert len(np.unique(noise[:, 0, 0])) == 64, "each sample has its own noise"


@pytest.mark.parametrize("beta_end", [8e-3, 0.02])
def test_parts_of_the_loss_are_those_of_their_channels(beta_end):
    """Expression from channel 7 on, pose 1 to 6, the scale in neither; the prefix counts for nothing."""
    random = np.random.default_rng(1)
    examples = Examples(
        random.standard_normal((2, 64, 70)).astype(np.float32),
        random.standard_normal((2, 2, 70)).astype(np.float32),
        random.standard_normal((2, 66, 8)).astype(np.float32),
    )
    noise = random.standard_normal((2, 64, 70)).astype(np.float32)
    times = np.array([10, 700])
    denoiser, params = Denoiser(TINY.denoiser), initial_state(TINY).params
    losses_of = partial(denoising_losses, denoiser, DiffusionConfig(beta_end=beta_end))
    losses = jax.jit(losses_of)(params, examples, times, noise)

    alpha_bar = np.cumprod(1 - np.linspace(1e-5, beta_end, 1000))[times][:, None, None]
    noisy = np.sqrt(alpha_bar) * examples.motion + np.sqrt(1 - alpha_bar) * noise
    tokens = np.concatenate([examples.prefix, noisy], axis=1).astype(np.float32)
    error = (np.asarray(jax.jit(denoiser.apply)({"params": params}, tokens, times, examples.audio))[:, 2:] - noise) ** 2
    np.testing.assert_allclose(losses.total, error.mean((1, 2)), rtol=1e-4)
    np.testing.assert_allclose(losses.expression, error[..., 7:].mean((1, 2)), rtol=1e-4)
    np.testing.assert_allclose(losses.pose, error[..., 1:7].mean((1, 2)), rtol=1e-4)

    often = partial(losses_of, first_frame=9.0)
    weighted = jax.jit(often)(params, examples, times, noise)
    weights = 1 + 8 * np.exp(-np.arange(64) / 2)
    assert weights[0] == 9 and weights[12] < 1.02
    expected = (error.mean(2) * weights).sum(1) / weights.sum()
    np.testing.assert_allclose(weighted.total, expected, rtol=1e-4)


def test_weights_are_those_of_min_snr():
    """All of a noisy sample counts; of a cleaner one what its error is in clean motion, which SNR times noise is."""
    alpha_bars = NoiseSchedule().alpha_bars
    ratios = alpha_bars / (1 - alpha_bars)
    weights = np.asarray(snr_weights(DiffusionConfig(), jnp.arange(1000), 0.5))
    np.testing.assert_array_equal(weights[ratios <= 0.5], 1)
    cleaner = ratios > 0.5
    assert 300 < cleaner.sum() < 700
    np.testing.assert_allclose((weights * ratios)[cleaner], 0.5, rtol=1e-5)


@pytest.mark.parametrize("prediction", ["sample", "velocity"])
def test_other_predictions_count_as_the_noise_that_they_imply(prediction):
    """A network that says the same in another way has the same weighted loss."""
    random = np.random.default_rng(2)
    clean, told = (random.standard_normal((4, 64, 70)).astype(np.float32) for _ in range(2))
    noise, times = random.standard_normal(clean.shape).astype(np.float32), np.array([10, 200, 600, 990])
    schedule, config = NoiseSchedule(), DiffusionConfig(prediction=prediction)
    signal, spread = signal_and_spread(schedule, times, 3)
    implied = as_noise(prediction, told, signal * clean + spread * noise, times, schedule)
    error = jnp.square(told - target(prediction, clean, noise, times, schedule)).mean((1, 2))
    in_noise = jnp.square(implied - noise).mean((1, 2))
    weighted = snr_weights(config, times, 0.5) * error
    np.testing.assert_allclose(weighted, snr_weights(DiffusionConfig(), times, 0.5) * in_noise, rtol=1e-3)
