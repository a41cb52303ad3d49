"""How Playmate is trained, in its two stages. The paper (arXiv 2502.07203) gives the optimiser and no number."""

from dataclasses import dataclass
from typing import Literal

from configs.playmate import DEMO, DIFFUSION, PUBLISHED_LIKE, SMALL
from configs.training import CheckpointConfig, DevicesConfig, EmaConfig, InputConfig
from kdtalker_jax.diffusion.config import DiffusionConfig
from kdtalker_jax.motion_models.playmate.config import EmotionConfig, TransformerConfig


@dataclass(frozen=True)
class AdamConfig:
    """Adam or Muon after clipping, with a warm-up and then a cosine down to the final rate at the last step."""

    learning_rate: float = 1e-4  # at its peak
    final_rate: float = 1e-6
    warmup_steps: int = 2_000
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    clip_norm: float = 1.0  # of the gradient over all parameters
    kind: Literal["adam", "muon"] = "adam"


@dataclass(frozen=True)
class LossValidation:
    """Loss on fixed windows at fixed times with fixed noise."""

    split: str = "validation"
    every: int = 1_000  # steps
    windows: int = 256


_AVERAGED = EmaConfig(enabled=True, decay=0.9999, every=1)
_INPUT, _DEVICES, _CHECKPOINTS = InputConfig(), DevicesConfig(), CheckpointConfig()


@dataclass(frozen=True)
class PlaymateRun:
    """A run of stage 1, the diffusion transformer, on clips with sound. `batch_size` counts all devices."""

    name: str = "playmate"
    seed: int = 0
    steps: int = 200_000
    batch_size: int = 256
    accumulate: int = 1  # parts that a batch is worked through in, one after the other, to save memory
    dtype: Literal["float32", "bfloat16"] = "float32"  # of the arithmetic; parameters and optimiser stay float32
    audio_dropout: float = 0.1  # share of samples that are told no sound
    first_window: float = 0.2  # share of samples that begin as a recording does: copies of a frame, in silence, before
    previous_times: int = 50  # the frames before are noised as by a diffusion time below this; 1: not at all
    # Equation 9 has the square root of the noise's share forgotten in print; what it says then is less noise.
    previous_noise: Literal["root", "printed"] = "root"
    min_snr: float | None = None  # largest ratio of signal to noise that counts in full (arXiv 2303.09556)
    log_every: int = 50  # steps
    diffusion_transformer: TransformerConfig = PUBLISHED_LIKE.diffusion_transformer
    diffusion: DiffusionConfig = DIFFUSION
    optimizer: AdamConfig = AdamConfig()
    ema: EmaConfig = _AVERAGED
    input: InputConfig = _INPUT
    devices: DevicesConfig = _DEVICES
    validation: LossValidation = LossValidation()
    checkpoints: CheckpointConfig = _CHECKPOINTS


@dataclass(frozen=True)
class EmotionRun(PlaymateRun):
    """A run of stage 2, the emotion module, on clips whose emotion is known; the transformer stays as it is."""

    name: str = "playmate_emotions"
    steps: int = 50_000
    audio_dropout: float = 0.0  # alone; with the emotion, see `both_dropout`
    emotion_dropout: float = 0.1  # share of samples that are told no emotion
    both_dropout: float = 0.1  # share of samples that are told neither emotion nor sound
    emotion_module: EmotionConfig = PUBLISHED_LIKE.emotion_module


_SMALL = {
    "name": "small",
    "steps": 300,
    "batch_size": 8,
    "log_every": 10,
    "diffusion_transformer": SMALL.diffusion_transformer,
    "optimizer": AdamConfig(learning_rate=2e-3, warmup_steps=20),
    "ema": EmaConfig(enabled=True, decay=0.95, every=5),
    "input": InputConfig(threads=2, prefetch=2, cache_gb=0.5),
    "validation": LossValidation(every=100, windows=16),
    "checkpoints": CheckpointConfig(every=100, keep_every=0),
}
_DEMO = {
    "name": "demo",
    "batch_size": 16,
    "diffusion_transformer": DEMO.diffusion_transformer,
    "diffusion": DEMO.diffusion,
    "optimizer": AdamConfig(kind="muon", learning_rate=2e-3, warmup_steps=200),
    "ema": EmaConfig(enabled=True, decay=0.98, every=5),
    "input": InputConfig(threads=2),
    "validation": LossValidation(every=1_000, windows=64),
    "checkpoints": CheckpointConfig(every=1_000, keep_every=0),
}

# Stage by stage: published-like; minutes on two cores; a dry run.
PLAYMATE_RUNS = {
    config.name: config for config in (PlaymateRun(), PlaymateRun(**_DEMO, steps=1_200), PlaymateRun(**_SMALL))
}
EMOTION_RUNS = {
    config.name: config
    for config in (
        EmotionRun(),
        EmotionRun(**_DEMO, steps=2_000, emotion_module=DEMO.emotion_module),
        EmotionRun(**_SMALL, emotion_module=SMALL.emotion_module),
    )
}
