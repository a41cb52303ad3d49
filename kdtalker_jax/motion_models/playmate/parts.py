"""The networks of Playmate (arXiv 2502.07203), registered. Nobody has published weights: there are no rules."""

import jax.numpy as jnp

from kdtalker_jax.motion_models.playmate.config import EmotionConfig, TransformerConfig
from kdtalker_jax.motion_models.playmate.network import DiffusionTransformer, EmotionModule
from kdtalker_jax.parts import Config, Inputs, Part


def _window(config: Config) -> Inputs:
    sizes = config.diffusion_transformer
    frames = sizes.previous + sizes.window
    tokens, audio = jnp.zeros((1, frames, sizes.motion_size)), jnp.zeros((1, frames, sizes.audio_features))
    return (tokens, jnp.zeros(1), audio, jnp.zeros((1, 3 * sizes.keypoints))), {}


def _hidden_frames(config: Config) -> Inputs:
    sizes = config.emotion_module
    return (jnp.zeros((1, 2, sizes.width)), jnp.zeros(1), jnp.zeros((1, 2, sizes.rows))), {}


TRANSFORMER = Part("diffusion_transformer", DiffusionTransformer, TransformerConfig, _window)
EMOTIONS = Part("emotion_module", EmotionModule, EmotionConfig, _hidden_frames, optional=True)

PARTS = (TRANSFORMER, EMOTIONS)
