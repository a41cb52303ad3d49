"""The network of the Wav2Vec2 features, registered."""

import jax.numpy as jnp

from kdtalker_jax.features.wav2vec2.config import Wav2Vec2Config
from kdtalker_jax.features.wav2vec2.frames import receptive_field
from kdtalker_jax.features.wav2vec2.network import Wav2Vec2
from kdtalker_jax.parts import Config, Inputs, Part


def _waveform(config: Config) -> Inputs:
    sizes = config.wav2vec2
    return (jnp.zeros((1, receptive_field(sizes))), jnp.zeros((1, 2, sizes.conv_widths[0]))), {}


WAV2VEC2 = Part("wav2vec2", Wav2Vec2, Wav2Vec2Config, _waveform, rules="convert.wav2vec2:WAV2VEC2")

PARTS = (WAV2VEC2,)
