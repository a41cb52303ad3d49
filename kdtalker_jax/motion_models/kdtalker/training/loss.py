"""From windows of clips to the loss on predictions (KDTalker, section 3.3). Pure functions of a device's share."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.diffusion.config import DiffusionConfig
from kdtalker_jax.diffusion.prediction import noised, target
from kdtalker_jax.diffusion.schedule import schedule_of
from kdtalker_jax.motion_models.kdtalker.network import PREFIX, Denoiser
from kdtalker_jax.spaces.keypoints import canonical_token, normalise
from kdtalker_jax.spaces.statistics import MotionStatistics
from kdtalker_jax.training.tail import mean_over

Array = np.ndarray | jax.Array

FADE = 2.0  # frames in which the weight of a window's first frame falls to 1/e


class Windows(NamedTuple):
    """Windows of L frames cut from clips, in the units of the motion extractor."""

    motion: Array  # (B, 1 + L, 70): the reference frame, then the window
    canonical: Array  # (B, 63): canonical keypoints of the reference frame
    audio: Array  # (B, L, 512): features of the window's frames
    position: Array  # (B,) int32: place in the batch over all devices, which decides a sample's random numbers


class Examples(NamedTuple):
    """What the denoiser is told and what it has to find, normalised."""

    motion: jax.Array  # (B, L, 70): clean
    prefix: jax.Array  # (B, 2, 70): canonical token, reference frame
    audio: jax.Array  # (B, 2 + L, 512): two zero tokens first


class Losses(NamedTuple):
    """Mean squared error of each sample's prediction, (B,) each. Only the total is minimised."""

    total: jax.Array
    expression: jax.Array
    pose: jax.Array  # yaw, pitch, roll and t; the scale is in neither part, as published


def to_examples(windows: Windows, statistics: MotionStatistics) -> Examples:
    """Normalises windows and puts the two tokens in front."""
    motion = normalise(windows.motion, statistics)  # (B, 1 + L, 70)
    canonical = canonical_token(windows.canonical, statistics)  # (B, 70)
    prefix = jnp.stack([canonical, motion[:, 0]], axis=1)  # (B, 2, 70)
    audio = jnp.pad(windows.audio, ((0, 0), (PREFIX, 0), (0, 0)))  # (B, 2 + L, 512)
    return Examples(motion[:, 1:], prefix, audio)


def add_audio_noise(audio: jax.Array, keys: jax.Array, axis_name: str | None = None) -> jax.Array:
    """Adds normal noise with the mean and standard deviation of the whole batch's audio, over all devices.

    The published augmentation: mean and deviation include the two zero tokens, and those are noised too.

    Args:
        audio: (B, 2 + L, 512), this device's share.
        keys: (B,), one for each sample.
        axis_name: of the mapped axis, where the batch is split over one.
    """
    mean = mean_over(audio.mean(), axis_name)
    variance = mean_over(jnp.square(audio - mean).mean(), axis_name)
    noise = jax.vmap(lambda key: jax.random.normal(key, audio.shape[1:], jnp.float32))(keys)  # (B, 2 + L, 512)
    return audio + mean + jnp.sqrt(variance) * noise


def denoising_losses(
    denoiser: Denoiser,
    diffusion: DiffusionConfig,
    params: dict,
    examples: Examples,
    times: jax.Array,
    noise: jax.Array,
    first_frame: float = 1.0,
) -> Losses:
    """How well the denoiser finds the noise (B, L, 70) in windows at diffusion times (B,) (DDPM, equation 14).

    Or the clean motion, or the velocity, where the diffusion's prediction is that.

    `first_frame` is how often a window's first frame counts, the next ones less and less, down to once.
    """
    schedule = schedule_of(diffusion)
    noisy = noised(examples.motion, noise, times, schedule)  # (B, L, 70)
    tokens = jnp.concatenate([examples.prefix, noisy], axis=1)  # (B, 2 + L, 70)
    predicted = denoiser.apply({"params": params}, tokens, times, examples.audio)[:, PREFIX:]  # (B, L, 70)
    wanted = target(diffusion.prediction, examples.motion, noise, times, schedule)  # (B, L, 70)
    error = jnp.square(predicted - wanted)  # (B, L, 70)
    if first_frame != 1:
        weights = 1 + (first_frame - 1) * np.exp(-np.arange(error.shape[1]) / FADE)  # (L,)
        error *= jnp.asarray(weights / weights.mean(), jnp.float32)[None, :, None]
    return Losses(
        total=error.mean(axis=(1, 2)),
        expression=error[..., 7:].mean(axis=(1, 2)),
        pose=error[..., 1:7].mean(axis=(1, 2)),
    )
