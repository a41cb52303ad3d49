"""Latent diffusion by name: sizes of the autoencoder and of the U-Net."""

from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.renderers.latent.config import AutoencoderConfig, UNetConfig

PUBLISHED = ModelConfig("published", "latent_diffusion", {"autoencoder": AutoencoderConfig(), "unet": UNetConfig()})

# The same networks, narrow and shallow: for tests.
SMALL = ModelConfig(
    "small",
    "latent_diffusion",
    {
        "autoencoder": AutoencoderConfig(width=32, blocks=1, codes=256),
        "unet": UNetConfig(width=32, multipliers=(1, 2, 3), attention=(4, 2), head_width=16),
    },
)

MODELS = {config.name: config for config in (PUBLISHED, SMALL)}
