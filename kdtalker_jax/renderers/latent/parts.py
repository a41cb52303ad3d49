"""The two networks of latent diffusion (arXiv 2112.10752), registered."""

import jax.numpy as jnp

from kdtalker_jax.parts import Config, Inputs, Part, picture
from kdtalker_jax.renderers.latent.config import AutoencoderConfig, UNetConfig
from kdtalker_jax.renderers.latent.networks.autoencoder import Autoencoder
from kdtalker_jax.renderers.latent.networks.unet import UNet


def _latent(config: Config) -> Inputs:
    sizes = config.unet
    x, conditions = (jnp.zeros((1, sizes.factor, sizes.factor, c)) for c in (sizes.channels, sizes.condition_channels))
    return (x, jnp.zeros(1, jnp.int32), conditions), {}


AUTOENCODER = Part(
    "autoencoder",
    Autoencoder,
    AutoencoderConfig,
    lambda config: ((picture(config.autoencoder.factor),), {}),
    rules="convert.latent:AUTOENCODER",
)
UNET = Part("unet", UNet, UNetConfig, _latent, rules="convert.latent:UNET")

PARTS = (AUTOENCODER, UNET)
