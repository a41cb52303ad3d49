"""The trainings of Playmate's networks, registered: stage 1 and stage 2."""

from configs.playmate_training import EmotionRun, PlaymateRun
from kdtalker_jax.motion_models.playmate.config import AdaptiveStatistics
from kdtalker_jax.training.kinds import Kind

_FOLDER = "kdtalker_jax.motion_models.playmate.training"
_COMMON = {
    "train": f"{_FOLDER}.trainer:train",
    "export": f"{_FOLDER}.export:export_run",
    "fit": f"{_FOLDER}.trainer:fitted",
    "found": {"statistics": AdaptiveStatistics},
}

PLAYMATE = Kind(
    "playmate",
    PlaymateRun,
    recipes="configs.playmate_training:PLAYMATE_RUNS",
    next_stage="playmate_emotions",
    **_COMMON,
)
EMOTIONS = Kind("playmate_emotions", EmotionRun, recipes="configs.playmate_training:EMOTION_RUNS", **_COMMON)
