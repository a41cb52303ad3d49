"""The audio-to-landmark network of DreamHead (arXiv 2409.10281), registered. There are no published weights."""

import jax.numpy as jnp

from kdtalker_jax.motion_models.dreamhead.config import LandmarkDenoiserConfig
from kdtalker_jax.motion_models.dreamhead.network import LandmarkDenoiser
from kdtalker_jax.parts import Config, Inputs, Part


def _window(config: Config) -> Inputs:
    sizes = config.landmark_denoiser
    tokens = jnp.zeros((1, sizes.window, sizes.motion_size))
    audio = jnp.zeros((1, sizes.window, sizes.audio_features))
    return (tokens, jnp.zeros(1), audio, jnp.zeros((1, sizes.motion_size)), jnp.zeros((1, sizes.window))), {}


DENOISER = Part("landmark_denoiser", LandmarkDenoiser, LandmarkDenoiserConfig, _window)

PARTS = (DENOISER,)
