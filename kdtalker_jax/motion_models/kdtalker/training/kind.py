"""The training of the denoiser, registered."""

from configs.training import TrainingConfig
from kdtalker_jax.spaces.statistics import MotionStatistics
from kdtalker_jax.training.kinds import Kind

DENOISER = Kind(
    "denoiser",
    TrainingConfig,
    recipes="configs.training:CONFIGS",
    train="kdtalker_jax.motion_models.kdtalker.training.trainer:train",
    export="kdtalker_jax.motion_models.kdtalker.training.export:export_run",
    fit="kdtalker_jax.motion_models.kdtalker.training.trainer:fitted",
    found={"statistics": MotionStatistics},
)
