"""A recipe that is over in seconds."""

from configs.dreamhead_training import CosineOptimizerConfig, LandmarkRun, LossValidation
from configs.training import CheckpointConfig, EmaConfig, InputConfig
from kdtalker_jax.motion_models.dreamhead.config import LandmarkDenoiserConfig
from tests.training.landmarks import AUDIO_FEATURES

TINY = LandmarkRun(
    steps=10,
    batch_size=4,
    log_every=1,
    landmark_denoiser=LandmarkDenoiserConfig(
        points=162, window=24, previous=4, audio_features=AUDIO_FEATURES, audio_width=4, width=16, heads=2, layers=1
    ),
    optimizer=CosineOptimizerConfig(learning_rate=1e-2, final_rate=1e-3, warmup_steps=2),
    ema=EmaConfig(enabled=True, decay=0.5, every=1),
    input=InputConfig(threads=1, prefetch=1, cache_gb=0.1),
    validation=LossValidation(every=5, samples=6),
    checkpoints=CheckpointConfig(every=5, keep_every=0),
)
