"""The one network of KDTalker (arXiv 2503.12963), registered."""

import jax.numpy as jnp

from kdtalker_jax.motion_models.kdtalker.config import DenoiserConfig
from kdtalker_jax.motion_models.kdtalker.network import PREFIX, Denoiser
from kdtalker_jax.parts import Config, Inputs, Part


def _tokens_time_and_audio(config: Config) -> Inputs:
    sizes = config.denoiser
    tokens = PREFIX + sizes.window
    motion, audio = jnp.zeros((1, tokens, sizes.motion_size)), jnp.zeros((1, tokens, sizes.audio_features))
    return (motion, jnp.zeros(1), audio), {}


DENOISER = Part("denoiser", Denoiser, DenoiserConfig, _tokens_time_and_audio, rules="convert.kdtalker:DENOISER")

PARTS = (DENOISER,)
