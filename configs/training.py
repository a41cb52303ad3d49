"""How the denoiser is trained. `KDTALKER` is the published recipe to the last constant (KDTalker, arXiv 2503.12963)."""

from dataclasses import dataclass
from typing import Literal

from configs.kdtalker import DEMO, PUBLISHED, SMALL
from kdtalker_jax.diffusion.config import DiffusionConfig
from kdtalker_jax.motion_models.kdtalker.config import DenoiserConfig


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW or Muon after clipping, with a warm-up and then a cosine down to 0 at the last step."""

    learning_rate: float | None = None  # at its peak; None: learning_rate_per_sample times the batch size
    learning_rate_per_sample: float = 2e-6
    warmup_steps: int = 2_000
    beta1: float = 0.95
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 1e-6
    clip_norm: float = 50.0  # of the gradient over all parameters
    kind: Literal["adamw", "muon"] = "adamw"


@dataclass(frozen=True)
class EmaConfig:
    """Moving average of the parameters."""

    enabled: bool = False
    decay: float = 0.999
    every: int = 20  # steps


@dataclass(frozen=True)
class InputConfig:
    """How clips reach the devices. Nothing here changes which numbers they see."""

    threads: int = 4  # that cut windows and put batches together
    prefetch: int = 4  # batches that lie ready
    cache_gb: float = 4.0  # of decoded clips that each process keeps in memory


@dataclass(frozen=True)
class ValidationConfig:
    """Loss on fixed windows at fixed times with fixed noise, and a sampled clip drawn beside the truth."""

    split: str = "validation"
    every: int = 1_000  # steps
    windows: int = 256
    sampled_windows: int = 2  # of the first clip; 0: none
    sampling_steps: int = 10


@dataclass(frozen=True)
class DevicesConfig:
    """How a step is spread over devices. Nothing here changes what is learnt, but for rounding."""

    mapping: Literal["pmap", "jit", "fsdp"] = "pmap"  # `parallel.py` says what each is; fsdp: for large networks


@dataclass(frozen=True)
class CheckpointConfig:
    """When the run is saved, and which of its checkpoints stay."""

    every: int = 1_000  # steps
    keep_last: int = 2
    keep_best: int = 1  # by validation loss
    keep_every: int = 50_000  # steps; 0: none


@dataclass(frozen=True)
class TrainingConfig:
    """One run. `batch_size` counts all devices of all processes, so that a run is the same on any number of them."""

    name: str = "kdtalker"
    seed: int = 0
    steps: int = 500_000
    batch_size: int = 256
    accumulate: int = 1  # parts that a batch is worked through in, one after the other, to save memory
    dtype: Literal["float32", "bfloat16"] = "float32"  # of the arithmetic; parameters and optimiser stay float32
    audio_noise: float = 0.7  # probability, per batch, that noise is added to its audio features
    min_snr: float | None = None  # largest ratio of signal to noise that counts in full (arXiv 2303.09556, equation 10)
    first_frame: float = 1.0  # how often a window's first frame counts, so that windows join; published: once
    log_every: int = 50  # steps
    denoiser: DenoiserConfig = PUBLISHED.denoiser
    diffusion: DiffusionConfig = PUBLISHED.diffusion
    optimizer: OptimizerConfig = OptimizerConfig()
    ema: EmaConfig = EmaConfig()
    input: InputConfig = InputConfig()
    devices: DevicesConfig = DevicesConfig()
    validation: ValidationConfig = ValidationConfig()
    checkpoints: CheckpointConfig = CheckpointConfig()

    @property
    def peak_learning_rate(self) -> float:
        """As published: proportional to the number of samples in a step."""
        rate = self.optimizer.learning_rate
        return self.optimizer.learning_rate_per_sample * self.batch_size if rate is None else rate


# What may change when a run is resumed, sections and single settings of others: none of it changes what is learnt.
FREE_TO_CHANGE = (
    *("log_every", "input", "devices", "validation", "checkpoints"),
    *("frames.threads", "frames.prefetch", "frames.cache_gb"),
)

KDTALKER = TrainingConfig()

# A narrow denoiser, some hundred steps: for tests and dry runs on a laptop.
SMALL_RUN = TrainingConfig(
    name="small",
    steps=300,
    batch_size=8,
    log_every=10,
    denoiser=SMALL.denoiser,
    optimizer=OptimizerConfig(learning_rate=2e-3, warmup_steps=20),
    ema=EmaConfig(enabled=True, decay=0.95, every=5),
    input=InputConfig(threads=2, prefetch=2, cache_gb=0.5),
    validation=ValidationConfig(every=100, windows=16),
    checkpoints=CheckpointConfig(every=100, keep_every=0),
)

# The demo model's: minutes on two cores.
DEMO_RUN = TrainingConfig(
    name="demo",
    steps=4_000,
    batch_size=16,
    audio_noise=0.2,
    # Noisy samples must count: what is wrong there hardly shows in the error in noise, but shrinks all that is sampled.
    min_snr=0.05,
    first_frame=16.0,
    denoiser=DEMO.denoiser,
    diffusion=DEMO.diffusion,
    optimizer=OptimizerConfig(kind="muon", learning_rate=2e-3, warmup_steps=200, clip_norm=1.0),
    ema=EmaConfig(enabled=True, decay=0.98, every=5),
    input=InputConfig(threads=2),
    validation=ValidationConfig(every=1_000, windows=64),
    checkpoints=CheckpointConfig(every=1_000, keep_every=0),
)

CONFIGS = {config.name: config for config in (KDTALKER, DEMO_RUN, SMALL_RUN)}
