"""Models of KDTalker by name: sizes of the networks, diffusion, statistics."""

from dataclasses import replace
from typing import Any

from configs.statistics import PUBLISHED_STATISTICS
from kdtalker_jax.diffusion.config import DiffusionConfig
from kdtalker_jax.features.wav2lip.config import AudioEncoderConfig
from kdtalker_jax.metrics.config import SyncNetConfig
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.motion_models.kdtalker.config import DenoiserConfig
from kdtalker_jax.renderers.liveportrait.config import (
    AppearanceConfig,
    GeneratorConfig,
    MotionExtractorConfig,
    RetargetingConfig,
    WarpingConfig,
)

_PUBLISHED = {
    "appearance": AppearanceConfig(),
    "motion_extractor": MotionExtractorConfig(),
    "warping": WarpingConfig(),
    "generator": GeneratorConfig(),
    "retargeting": RetargetingConfig(),
    "audio_encoder": AudioEncoderConfig(),
    "denoiser": DenoiserConfig(),
    "syncnet": SyncNetConfig(),
    "diffusion": DiffusionConfig(),
    "statistics": PUBLISHED_STATISTICS,
}


def model(name: str = "published", **sections: Any) -> ModelConfig:
    """The published model but for the given sections."""
    return ModelConfig(name, "kdtalker", {**_PUBLISHED, **sections})


PUBLISHED = model()

# The same networks, narrow and shallow: for tests and dry runs on a laptop.
SMALL = model(
    name="small",
    appearance=AppearanceConfig(
        image_size=64, widths=(8, 12, 16), volume_channels=4, volume_depth=4, residual_blocks=2
    ),
    motion_extractor=MotionExtractorConfig(image_size=64, depths=(1, 1, 2, 1), widths=(8, 12, 16, 24)),
    warping=WarpingConfig(
        volume_channels=4,
        volume_depth=4,
        feature_size=16,
        hourglass_width=4,
        hourglass_max_width=16,
        hourglass_blocks=3,
        wide_kernel=3,
        output_channels=16,
    ),
    generator=GeneratorConfig(input_channels=16, width=24, middle_blocks=2, up_widths=(12, 8), modulation_width=8),
    retargeting=RetargetingConfig(stitching=(16, 8), lip=(16, 8), eye=(16, 16, 8)),
    audio_encoder=AudioEncoderConfig(widths=(4, 8, 8, 12, 16)),
    denoiser=DenoiserConfig(
        audio_features=16, width=48, time_features=16, layers=2, heads=4, head_size=12, rotary_size=4
    ),
    syncnet=SyncNetConfig(audio_widths=(4, 6, 8, 6, 6, 8), lip_widths=(4, 6, 6, 6, 6, 8), hidden=8, features=16),
)

# Small enough to be trained on two processor cores and to ship with the package; 128x128 in, 256x256 out.
DEMO = model(
    name="demo",
    appearance=AppearanceConfig(
        image_size=128, widths=(16, 32, 64), volume_channels=32, volume_depth=4, residual_blocks=2
    ),
    motion_extractor=MotionExtractorConfig(image_size=128, depths=(1, 2, 3, 1), widths=(24, 48, 96, 160)),
    warping=WarpingConfig(
        volume_channels=32,
        volume_depth=4,
        feature_size=32,
        compressed_channels=1,
        hourglass_width=4,
        hourglass_max_width=64,
        hourglass_blocks=4,
        wide_kernel=3,
        output_channels=96,
    ),
    # The last two doublings are one pixel shuffle: blocks at 128x128 would cost more than all else together.
    generator=GeneratorConfig(
        input_channels=96, width=80, middle_blocks=2, up_widths=(48,), modulation_width=16, pixel_shuffle=4
    ),
    retargeting=RetargetingConfig(stitching=(64, 64, 32), lip=(64, 64, 32), eye=(64, 64, 32)),
    audio_encoder=AudioEncoderConfig(widths=(16, 24, 32, 48, 96)),
    denoiser=DenoiserConfig(
        audio_features=96,
        width=160,
        time_features=64,
        layers=4,
        heads=5,
        head_size=32,
    ),
    # Sampling starts from noise alone, but the published schedule ends with a share of 0.13 of the motion. A denoiser
    # reads slow motion there, and what is sampled without it moves half as far. This schedule ends with a share of
    # 0.03, and the offset hides a window's mean in it, which is easiest to read. A sampler that adds noise in each step
    # does the rest: the others turn heads 0.6 times as far as they should (docs/demo.md).
    diffusion=DiffusionConfig(beta_end=0.014, noise_offset=0.5, sampler="ddpm"),
)

# As fast, for photographs: the portrait itself is blended in, for no small network paints what it has never seen, and
# keypoints are found by a network four times as large, which is the smallest part of the work.
VARIED = DEMO.replace(
    name="varied",
    motion_extractor=MotionExtractorConfig(image_size=128, depths=(1, 2, 4, 2), widths=(40, 80, 160, 256)),
    warping=replace(DEMO.warping, flow=True),
    generator=replace(DEMO.generator, portrait=True, keypoints=21),
)

MODELS = {config.name: config for config in (PUBLISHED, SMALL, DEMO, VARIED)}
