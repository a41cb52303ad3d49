"""The training of the audio-to-landmark network, registered: stage 1 of DreamHead."""

from configs.dreamhead_training import LandmarkRun
from kdtalker_jax.spaces.landmarks.statistics import LandmarkStatistics
from kdtalker_jax.training.kinds import Kind

_FOLDER = "kdtalker_jax.motion_models.dreamhead.training"

LANDMARKS = Kind(
    "dreamhead",
    LandmarkRun,
    recipes="configs.dreamhead_training:LANDMARK_RUNS",
    train=f"{_FOLDER}.trainer:train",
    export=f"{_FOLDER}.export:export_run",
    fit=f"{_FOLDER}.trainer:fitted",
    next_stage="dreamhead_images",
    found={"statistics": LandmarkStatistics},
)
