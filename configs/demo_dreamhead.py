"""How DreamHead's demo model is made from nothing: `python -m pipelines.train_demo --system dreamhead`."""

from dataclasses import dataclass, replace

from configs.dreamhead import DEMO, SMALL
from configs.dreamhead_training import (
    AUTOENCODER_RUNS,
    IMAGE_RUNS,
    LANDMARK_RUNS,
    AutoencoderRun,
    CosineOptimizerConfig,
    ImageRun,
    LandmarkRun,
    LossValidation,
)
from kdtalker_jax.model_config import ModelConfig


@dataclass(frozen=True)
class DreamHeadDemoConfig:
    """All stages of a model that knows the synthetic world, but for the audio encoder, which it takes from another."""

    name: str = "demo"
    seed: int = 40
    look: str = "varied"  # of all people: one of kdtalker_jax.synthetic.clips.LOOKS
    plain: float = 0.1  # part of the pictures that show plain people all the same
    # Pictures that mouths are painted into: of performances, two people for each, and of people who make faces.
    performances: int = 160
    performance_frames: int = 96
    performance_apart: int = 6
    expressive: int = 80
    expressive_frames: int = 8
    # Performances that the landmark denoiser learns from: points and sound alone, which nobody has to draw.
    spoken: int = 600
    spoken_frames: int = 160
    model: ModelConfig = DEMO
    cuts: AutoencoderRun | None = AUTOENCODER_RUNS["demo"]  # what the autoencoder goes on from, or from nothing
    autoencoder: AutoencoderRun = AUTOENCODER_RUNS["demo_whole"]
    images: ImageRun = IMAGE_RUNS["demo"]
    landmarks: LandmarkRun = LANDMARK_RUNS["demo"]


_DRY = {
    "steps": 30,
    "optimizer": CosineOptimizerConfig(learning_rate=2e-3, final_rate=1e-5, warmup_steps=10),
    "validation": LossValidation(every=30, samples=8),
}

# All stages in a few minutes: what comes out makes a video, but not of a mouth.
SMALL_DREAMHEAD_DEMO = DreamHeadDemoConfig(
    name="small",
    performances=2,
    performance_frames=24,
    expressive=2,
    expressive_frames=4,
    spoken=6,
    spoken_frames=75,
    model=SMALL,
    cuts=replace(AUTOENCODER_RUNS["small"], **_DRY, name="small_cuts", cut=32),
    autoencoder=replace(AUTOENCODER_RUNS["small"], **_DRY),
    images=replace(IMAGE_RUNS["small"], **_DRY, mouth=1.0, unit_latents=True, keep_latents=True),
    landmarks=replace(LANDMARK_RUNS["small"], **_DRY),
)

# Some minutes of an accelerator.
ACCELERATOR_DREAMHEAD_DEMO = DreamHeadDemoConfig(
    name="accelerator",
    performances=300,
    expressive=300,
    cuts=None,
    autoencoder=AUTOENCODER_RUNS["accelerator"],
    images=IMAGE_RUNS["accelerator"],
)

DREAMHEAD_DEMO_CONFIGS = {
    config.name: config for config in (DreamHeadDemoConfig(), ACCELERATOR_DREAMHEAD_DEMO, SMALL_DREAMHEAD_DEMO)
}
