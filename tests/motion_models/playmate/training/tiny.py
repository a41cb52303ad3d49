"""Recipes of both stages that are over in seconds."""

from configs.playmate_training import AdamConfig, EmotionRun, LossValidation, PlaymateRun
from configs.training import CheckpointConfig, EmaConfig, InputConfig
from kdtalker_jax.motion_models.playmate.config import EmotionConfig, TransformerConfig
from tests.training.synthetic import AUDIO_FEATURES

_COMMON = {
    "steps": 10,
    "batch_size": 4,
    "log_every": 1,
    "diffusion_transformer": TransformerConfig(
        audio_features=AUDIO_FEATURES, width=16, heads=2, layers=1, kernel=3, aligner_layers=1
    ),
    "optimizer": AdamConfig(learning_rate=1e-2, warmup_steps=2),
    "ema": EmaConfig(enabled=True, decay=0.5, every=1),
    "input": InputConfig(threads=1, prefetch=1, cache_gb=0.1),
    "validation": LossValidation(every=5, windows=12),
    "checkpoints": CheckpointConfig(every=5, keep_every=0),
}
FIRST = PlaymateRun(**_COMMON)
SECOND = EmotionRun(**_COMMON, emotion_module=EmotionConfig(width=16, heads=2, layers=1))
