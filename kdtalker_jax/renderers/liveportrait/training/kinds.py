"""The trainings of LivePortrait's networks, registered."""

from configs.renderer import RendererConfig
from configs.retargeting import RetargetingTrainingConfig
from kdtalker_jax.training.kinds import Kind

_FOLDER = "kdtalker_jax.renderers.liveportrait.training"

RENDERER = Kind(
    "renderer",
    RendererConfig,
    recipes="configs.renderer:RENDERER_CONFIGS",
    train=f"{_FOLDER}.trainer:train_renderer",
    export=f"{_FOLDER}.export:export_run",
    memory=f"{_FOLDER}.trainer:report_memory",
    next_stage="retargeting",
)
RETARGETING = Kind(
    "retargeting",
    RetargetingTrainingConfig,
    recipes="configs.retargeting:RETARGETING_CONFIGS",
    train=f"{_FOLDER}.retargeting:train_retargeting",
    export=f"{_FOLDER}.export:export_run",
)
