"""How stitching and retargeting are trained (S, R; LivePortrait, arXiv 2407.03168, section 3.3), after the renderer."""

from dataclasses import dataclass

from configs.renderer import FramesConfig, PhaseConfig
from configs.training import CheckpointConfig, DevicesConfig


@dataclass(frozen=True)
class RetargetingLossConfig:
    """Weights of the terms."""

    shoulders: float = 4.0  # L1 between the lower border of the rendered and of the source picture
    stitching: float = 0.5  # L1 on what stitching changes in the keypoints
    lip: float = 10.0  # L1 between keypoints of the lips and where the wanted mouth has them
    eye: float = 10.0  # the same for the lids
    others: float = 1.0  # L1 on what retargeting changes in all other keypoints


@dataclass(frozen=True)
class RetargetingValidationConfig:
    """The losses on pairs that were not trained on."""

    split: str = "validation"
    every: int = 200  # steps
    pairs: int = 32


_PHASE = PhaseConfig(steps=300, batch_size=16, image_size=64)
_FRAMES = FramesConfig(drivings=1, cross=0.5)
_DEVICES = DevicesConfig()
_CHECKPOINTS = CheckpointConfig(every=200, keep_every=0)


@dataclass(frozen=True)
class RetargetingTrainingConfig:
    """One run. The renderer's networks are those of a checkpoint and stay as they are."""

    name: str = "retargeting"
    seed: int = 0
    phase: PhaseConfig = _PHASE
    lips: tuple[int, ...] = (6, 12, 14, 17, 19, 20)  # keypoints that retargeting of the mouth moves
    lids: tuple[int, ...] = (11, 13, 15, 16)  # and of the eyes
    learning_rate: float = 1e-3  # at first; a cosine down to 0 at the last step
    log_every: int = 20  # steps
    loss: RetargetingLossConfig = RetargetingLossConfig()
    frames: FramesConfig = _FRAMES
    devices: DevicesConfig = _DEVICES
    validation: RetargetingValidationConfig = RetargetingValidationConfig()
    checkpoints: CheckpointConfig = _CHECKPOINTS

    @property
    def steps(self) -> int:
        return self.phase.steps


DEMO_RETARGETING = RetargetingTrainingConfig()

# Some steps: for tests and dry runs.
SMALL_RETARGETING = RetargetingTrainingConfig(
    name="small_retargeting",
    phase=PhaseConfig(steps=10, batch_size=4, image_size=32),
    validation=RetargetingValidationConfig(every=10, pairs=4),
    checkpoints=CheckpointConfig(every=10, keep_every=0),
)

RETARGETING_CONFIGS = {config.name: config for config in (DEMO_RETARGETING, SMALL_RETARGETING)}
