"""The network of the Wav2Lip features, registered."""

import jax.numpy as jnp

from kdtalker_jax.features.wav2lip.config import AudioEncoderConfig
from kdtalker_jax.features.wav2lip.network import AudioEncoder
from kdtalker_jax.parts import Config, Inputs, Part


def _mel_window(config: Config) -> Inputs:
    sizes = config.audio_encoder
    return (jnp.zeros((1, sizes.mel_bands, sizes.mel_columns)),), {}


AUDIO_ENCODER = Part(
    "audio_encoder", AudioEncoder, AudioEncoderConfig, _mel_window, rules="convert.kdtalker:AUDIO_ENCODER"
)

PARTS = (AUDIO_ENCODER,)
