"""Frozen dataclasses: sizes of the networks, statistics of training sets. Data only."""

from configs.networks import MODELS, PUBLISHED, SMALL, ModelConfig
from configs.statistics import PUBLISHED_STATISTICS, MotionStatistics

__all__ = ["MODELS", "PUBLISHED", "PUBLISHED_STATISTICS", "SMALL", "ModelConfig", "MotionStatistics"]
