"""Frozen dataclasses: sizes of the networks, recipes of training, statistics of training sets. Data only."""

from configs.networks import DEMO, MODELS, PUBLISHED, SMALL, ModelConfig
from configs.statistics import PUBLISHED_STATISTICS, MotionStatistics
from configs.training import CONFIGS, TrainingConfig

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
