"""Recipes of both networks that are over in seconds."""

from configs.dreamhead_training import AutoencoderRun, CosineOptimizerConfig, ImageRun, LossValidation
from configs.training import CheckpointConfig, EmaConfig, InputConfig
from kdtalker_jax.renderers.latent.config import AutoencoderConfig, UNetConfig
from tests.training.landmarks import SIZE

_COMMON = {
    "steps": 6,
    "batch_size": 4,
    "log_every": 1,
    "image_size": SIZE,
    "autoencoder": AutoencoderConfig(width=8, multipliers=(1, 1), blocks=1, codes=16, groups=4),
    "optimizer": CosineOptimizerConfig(learning_rate=3e-3, final_rate=1e-3, warmup_steps=2),
    "ema": EmaConfig(enabled=True, decay=0.5, every=1),
    "input": InputConfig(threads=1, prefetch=1, cache_gb=0.1),
    "validation": LossValidation(every=3, samples=6),
    "checkpoints": CheckpointConfig(every=3, keep_every=0),
}
AUTOENCODER = AutoencoderRun(**_COMMON)
IMAGES = ImageRun(
    **_COMMON,
    unet=UNetConfig(width=8, multipliers=(1,), blocks=1, attention=(), head_width=8, groups=4),
    farthest=5,
)
