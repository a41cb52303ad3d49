"""Models of Playmate by name (arXiv 2502.07203): sizes of the networks, diffusion, statistics.

The paper gives no sizes. `PUBLISHED_LIKE` has the width of what it builds on, and hears Wav2Vec2; `DEMO` and `SMALL`
share sound features and renderer with KDTalker's models of these names.
"""

from dataclasses import replace
from typing import Any

from configs import kdtalker, wav2vec2
from configs.statistics import PUBLISHED_STATISTICS
from kdtalker_jax.diffusion.config import DiffusionConfig
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.motion_models.playmate.config import AdaptiveStatistics, EmotionConfig, TransformerConfig

# DDPM's own schedule, which ends with a share of 0.006 of the motion.
DIFFUSION = DiffusionConfig(beta_start=1e-4, beta_end=0.02, sampler="ddim")

# Of what KDTalker was trained on, for models that nobody has trained: a training finds its own.
STATISTICS = AdaptiveStatistics(
    exp_mean=PUBLISHED_STATISTICS.exp_mean,
    exp_std=PUBLISHED_STATISTICS.exp_std,
    kp_mean=PUBLISHED_STATISTICS.kp_mean,
    kp_std=PUBLISHED_STATISTICS.kp_std,
    pose_spread=(0.03, 4.0, 3.0, 2.0, 0.01, 0.01, 0.001),
)

_RENDERER = ("appearance", "motion_extractor", "warping", "generator", "retargeting", "syncnet")


def model(name: str, system: str, renderer: ModelConfig, features: ModelConfig, **sections: Any) -> ModelConfig:
    """A renderer's sections of one model and a feature's of another, and ours."""
    heard = ("wav2vec2", "hearing") if system == "playmate" else ("audio_encoder",)
    taken = {part: renderer.sections[part] for part in _RENDERER} | {part: features.sections[part] for part in heard}
    return ModelConfig(name, system, {**taken, "diffusion": DIFFUSION, "statistics": STATISTICS, **sections})


PUBLISHED_LIKE = model(
    "full",
    "playmate",
    kdtalker.PUBLISHED,
    wav2vec2.MODELS["base"],
    diffusion_transformer=TransformerConfig(),
    emotion_module=EmotionConfig(),
)

DEMO = model(
    "demo",
    "playmate_wav2lip",
    kdtalker.DEMO,
    kdtalker.DEMO,
    # A small network that tells the noise is off by too much where nearly all is noise: what is sampled runs away from
    # window to window. One that tells the sample reads little of the noise: seeds hardly differ, windows do not join.
    diffusion=replace(DIFFUSION, prediction="velocity", sampler="dpm++"),
    diffusion_transformer=TransformerConfig(
        audio_features=kdtalker.DEMO.audio_encoder.widths[-1], width=128, heads=4, layers=3, kernel=15, aligner_layers=1
    ),
    emotion_module=EmotionConfig(width=128, heads=4),
)

# Narrow and shallow: for tests and dry runs on a laptop.
SMALL = model(
    "small",
    "playmate_wav2lip",
    kdtalker.SMALL,
    kdtalker.SMALL,
    diffusion_transformer=TransformerConfig(
        audio_features=kdtalker.SMALL.audio_encoder.widths[-1], width=32, heads=2, layers=2, kernel=5, aligner_layers=1
    ),
    emotion_module=EmotionConfig(width=32, heads=2, layers=1),
)

SMALL_WAV2VEC2 = model(
    "small",
    "playmate",
    kdtalker.SMALL,
    wav2vec2.SMALL_WAV2VEC2,
    diffusion_transformer=replace(SMALL.diffusion_transformer, audio_features=wav2vec2.SMALL_WAV2VEC2.wav2vec2.width),
    emotion_module=SMALL.emotion_module,
)

WITH_WAV2VEC2 = {config.name: config for config in (PUBLISHED_LIKE, SMALL_WAV2VEC2)}
WITH_WAV2LIP = {config.name: config for config in (DEMO, SMALL)}
