"""Frozen dataclasses: sizes of the networks, recipes of training, statistics of training sets. Data only."""

from configs.kdtalker import DEMO, MODELS, PUBLISHED, SMALL
from configs.statistics import PUBLISHED_STATISTICS
from configs.training import CONFIGS, TrainingConfig
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.spaces.statistics import MotionStatistics

__all__ = [
    "CONFIGS",
    "DEMO",
    "MODELS",
    "PUBLISHED",
    "PUBLISHED_STATISTICS",
    "SMALL",
    "ModelConfig",
    "MotionStatistics",
    "TrainingConfig",
]
