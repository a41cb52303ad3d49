"""Wav2Vec2 and HuBERT by name. What is converted has the sizes that its own configuration says."""

from kdtalker_jax.features.wav2vec2.config import HearingConfig, Wav2Vec2Config
from kdtalker_jax.model_config import ModelConfig


def model(name: str, sizes: Wav2Vec2Config, hearing: HearingConfig | None = None) -> ModelConfig:
    return ModelConfig(name, "wav2vec2", {"wav2vec2": sizes, "hearing": hearing or HearingConfig()})


BASE = model("base", Wav2Vec2Config())

# The same network, narrow and shallow: for tests and dry runs on a laptop.
SMALL_WAV2VEC2 = model(
    "small",
    Wav2Vec2Config(conv_widths=(8,) * 7, width=16, position_kernel=8, position_groups=4, layers=2, heads=2, inner=32),
)

MODELS = {config.name: config for config in (BASE, SMALL_WAV2VEC2)}
