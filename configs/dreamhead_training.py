"""How DreamHead is trained (arXiv 2409.10281), network by network. The numbers are ours or of latent diffusion."""

from dataclasses import dataclass, replace
from typing import Literal

from configs.dreamhead import DEMO, DIFFUSION, PUBLISHED_LIKE, SMALL
from configs.training import CheckpointConfig, DevicesConfig, EmaConfig, InputConfig
from kdtalker_jax.diffusion.config import DiffusionConfig
from kdtalker_jax.motion_models.dreamhead.config import LandmarkDenoiserConfig
from kdtalker_jax.records import added
from kdtalker_jax.renderers.latent.config import AutoencoderConfig, UNetConfig


@dataclass(frozen=True)
class CosineOptimizerConfig:
    """AdamW or Muon after clipping, with a warm-up and then a cosine down to the final rate at the last step."""

    learning_rate: float = 2e-4  # at its peak
    final_rate: float | None = None  # None: the peak
    warmup_steps: int = 1_000
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 1e-2
    clip_norm: float = 1.0  # of the gradient over all parameters
    kind: Literal["adamw", "muon"] = added("adamw")


@dataclass(frozen=True)
class LossValidation:
    """Loss on fixed samples at fixed times with fixed noise."""

    split: str = "validation"
    every: int = 1_000  # steps
    samples: int = 256


_AVERAGED, _LONG_AVERAGED = (EmaConfig(enabled=True, decay=decay, every=1) for decay in (0.999, 0.9999))
_INPUT, _DEVICES, _CHECKPOINTS = InputConfig(), DevicesConfig(), CheckpointConfig()


@dataclass(frozen=True)
class LandmarkRun:
    """A run of stage 1, audio to landmarks, on clips with landmarks and sound. `batch_size` counts all devices."""

    name: str = "dreamhead"
    seed: int = 0
    steps: int = 200_000
    batch_size: int = 64
    accumulate: int = 1  # parts that a batch is worked through in, one after the other, to save memory
    dtype: Literal["float32", "bfloat16"] = "float32"  # of the arithmetic; parameters and optimiser stay float32
    audio_dropout: float = 0.1  # share of samples that are told no sound
    known_frames: float = 0.5  # share of samples whose first frames are given clean, as by the window before
    first_window: float = 0.2  # share of samples that begin as a recording does: nothing is known or heard before it
    lips: float = 2.0  # how often an error in the lips counts
    velocity: float = 1.0  # how much the error in changes between frames counts beside that in places
    log_every: int = 50  # steps
    landmark_denoiser: LandmarkDenoiserConfig = PUBLISHED_LIKE.landmark_denoiser
    diffusion: DiffusionConfig = DIFFUSION
    optimizer: CosineOptimizerConfig = CosineOptimizerConfig()
    ema: EmaConfig = _AVERAGED
    input: InputConfig = _INPUT
    devices: DevicesConfig = _DEVICES
    validation: LossValidation = LossValidation()
    checkpoints: CheckpointConfig = _CHECKPOINTS


@dataclass(frozen=True)
class ImageRun:
    """A run of stage 2, landmarks to image, on clips with landmarks and frames; the autoencoder stays as it is."""

    name: str = "dreamhead_images"
    seed: int = 0
    steps: int = 500_000
    batch_size: int = 64
    accumulate: int = 1
    dtype: Literal["float32", "bfloat16"] = "float32"
    farthest: int = 60  # frames between a picture and its reference, of the same clip
    beyond: float = 0.1  # share of references that are farther away
    landmark_noise: float = 0.5  # share of samples whose landmarks are as inexact as those that sound makes
    landmark_spread: float = 0.005  # deviation of that noise, of the distance of the outer eye corners
    # How much the error within the box of the mouth counts beside that of whole pictures: all else is given, and easy.
    mouth: float = added(0.0)
    # The autoencoder that the run begins with is changed so that latents have a deviation of about 1: smaller drown
    # in noise. What it makes of pictures stays the same.
    unit_latents: bool = added(False)
    # Each frame is encoded once, before the first step, not in each step, and its latents are kept in memory
    # (`input.cache_gb`). A frame's landmarks are then inexact in two ways alone.
    keep_latents: bool = added(False)
    # How much it counts what else the U-Net tells within the box when a picture is its own reference. That knows the
    # answer, so nothing is left to it but to look away from what the mouth does there. It calls the U-Net twice.
    consistency: float = added(0.0)
    log_every: int = 50  # steps
    image_size: int = PUBLISHED_LIKE.painting.image_size
    autoencoder: AutoencoderConfig = PUBLISHED_LIKE.autoencoder
    unet: UNetConfig = PUBLISHED_LIKE.unet
    optimizer: CosineOptimizerConfig = CosineOptimizerConfig(learning_rate=6.4e-5)  # 1e-6 for each sample
    ema: EmaConfig = _LONG_AVERAGED
    input: InputConfig = _INPUT
    devices: DevicesConfig = _DEVICES
    validation: LossValidation = LossValidation()
    checkpoints: CheckpointConfig = _CHECKPOINTS


@dataclass(frozen=True)
class AutoencoderRun:
    """A run of the autoencoder, on clips with landmarks and frames: without a discriminator and perceptual loss."""

    name: str = "dreamhead_autoencoder"
    seed: int = 0
    steps: int = 200_000
    batch_size: int = 32
    accumulate: int = 1
    dtype: Literal["float32", "bfloat16"] = "float32"
    lines: float = 0.25  # share of the pictures that are those of landmarks
    masked: float = 0.125  # share of the pictures that have a black box over the mouth
    codebook: float = 1.0  # how much the distance to codes counts beside that of pictures
    # Pixels of the side of squares somewhere in the pictures, which it learns from in their place: most of what
    # convolutions learn they learn from these too. None: whole pictures.
    cut: int | None = added(None)
    log_every: int = 50  # steps
    image_size: int = PUBLISHED_LIKE.painting.image_size
    autoencoder: AutoencoderConfig = PUBLISHED_LIKE.autoencoder
    # 4.5e-6 for each sample, and betas, as published.
    optimizer: CosineOptimizerConfig = CosineOptimizerConfig(
        learning_rate=1.44e-4, beta1=0.5, beta2=0.9, weight_decay=0.0
    )
    ema: EmaConfig = _AVERAGED
    input: InputConfig = _INPUT
    devices: DevicesConfig = _DEVICES
    validation: LossValidation = LossValidation()
    checkpoints: CheckpointConfig = _CHECKPOINTS


_SMALL = {
    "name": "small",
    "steps": 300,
    "batch_size": 8,
    "log_every": 10,
    "optimizer": CosineOptimizerConfig(learning_rate=2e-3, final_rate=1e-5, warmup_steps=20),
    "ema": EmaConfig(enabled=True, decay=0.95, every=5),
    "input": InputConfig(threads=2, prefetch=2, cache_gb=0.5),
    "validation": LossValidation(every=100, samples=16),
    "checkpoints": CheckpointConfig(every=100, keep_every=0),
}
_DEMO = {
    "name": "demo",
    "optimizer": CosineOptimizerConfig(learning_rate=1e-3, final_rate=1e-5, warmup_steps=200),
    "ema": EmaConfig(enabled=True, decay=0.98, every=5),
    "input": InputConfig(threads=2),
    "validation": LossValidation(samples=64),
    "checkpoints": CheckpointConfig(keep_every=0),
}
_ACCELERATOR = {
    **_DEMO,
    "name": "accelerator",
    "ema": EmaConfig(enabled=True, decay=0.99, every=5),
    "input": InputConfig(threads=8, prefetch=16),
}
_MOUTHS = {
    "optimizer": replace(_DEMO["optimizer"], kind="muon"),
    "mouth": 1.0,
    "unit_latents": True,
    "keep_latents": True,
}

# Stage by stage: published-like; for two cores; for some minutes of one accelerator; a dry run.
LANDMARK_RUNS = {
    config.name: config
    for config in (
        LandmarkRun(),
        LandmarkRun(**_DEMO, steps=3_000, batch_size=16, landmark_denoiser=DEMO.landmark_denoiser),
        LandmarkRun(**_SMALL, landmark_denoiser=SMALL.landmark_denoiser),
    )
}
IMAGE_RUNS = {
    config.name: config
    for config in (
        ImageRun(),
        ImageRun(
            **_DEMO | _MOUTHS,
            steps=1_600,
            batch_size=16,
            image_size=DEMO.painting.image_size,
            autoencoder=DEMO.autoencoder,
            unet=DEMO.unet,
        ),
        ImageRun(
            **_ACCELERATOR | _MOUTHS,
            steps=6_000,
            batch_size=32,
            image_size=DEMO.painting.image_size,
            autoencoder=DEMO.autoencoder,
            unet=DEMO.unet,
        ),
        ImageRun(**_SMALL, image_size=SMALL.painting.image_size, autoencoder=SMALL.autoencoder, unet=SMALL.unet),
    )
}
_DEMO_CUTS = AutoencoderRun(
    **_DEMO | {"optimizer": replace(_DEMO["optimizer"], kind="muon", learning_rate=2e-3, final_rate=3e-4)},
    steps=2_500,
    batch_size=16,
    cut=64,
    image_size=DEMO.painting.image_size,
    autoencoder=DEMO.autoencoder,
)
AUTOENCODER_RUNS = {
    config.name: config
    for config in (
        AutoencoderRun(),
        _DEMO_CUTS,
        # Goes on from it: norms and attention see more in whole pictures.
        replace(
            _DEMO_CUTS,
            name="demo_whole",
            optimizer=replace(_DEMO_CUTS.optimizer, learning_rate=5e-4, final_rate=1e-5, warmup_steps=50),
            steps=500,
            batch_size=8,
            cut=None,
        ),
        replace(
            _DEMO_CUTS,
            **_ACCELERATOR | {"optimizer": replace(_DEMO_CUTS.optimizer, final_rate=1e-5)},
            steps=5_000,
            cut=None,
        ),
        AutoencoderRun(**_SMALL, image_size=SMALL.painting.image_size, autoencoder=SMALL.autoencoder),
    )
}
