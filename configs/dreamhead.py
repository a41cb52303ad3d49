"""Models of DreamHead by name (arXiv 2409.10281): sizes of the networks, diffusion, statistics, how they paint.

The paper gives no sizes. `PUBLISHED_LIKE` hears Wav2Vec2 and paints with the networks of latent diffusion; `DEMO` and
`SMALL` share sound features with KDTalker's models of these names.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from configs import kdtalker, wav2vec2
from kdtalker_jax.diffusion.config import DiffusionConfig
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.motion_models.dreamhead.config import LandmarkDenoiserConfig
from kdtalker_jax.renderers.latent.config import AutoencoderConfig, PaintingConfig, UNetConfig
from kdtalker_jax.spaces.landmarks.contours import CONTOUR_POINTS, MESH_POINTS, OUTER_EYE_CORNERS, rows_of
from kdtalker_jax.spaces.landmarks.statistics import LandmarkStatistics

DIFFUSION = DiffusionConfig(prediction="sample", sampler="ddim", spacing="cosine")


def statistics(points: int) -> LandmarkStatistics:
    """Of nobody, for models that nobody has trained: a training finds its own."""
    shapes = np.random.default_rng(0).normal(0, 0.5, (2, points, 3))
    shapes[0, rows_of(OUTER_EYE_CORNERS, points)] = [[-0.5, 0, 0], [0.5, 0, 0]]
    shapes[1] /= np.linalg.norm(shapes[1])
    template, opening = (tuple(shape.ravel().tolist()) for shape in shapes)
    return LandmarkStatistics(template, (0.05,) * (3 * points), opening)


def model(name: str, system: str, features: ModelConfig, points: int, **sections: Any) -> ModelConfig:
    """A feature's sections of another model, and ours."""
    heard = ("wav2vec2", "hearing") if system == "dreamhead" else ("audio_encoder", "syncnet")
    taken = {"syncnet": kdtalker.PUBLISHED.syncnet} | {part: features.sections[part] for part in heard}
    common = {"diffusion": DIFFUSION, "statistics": statistics(points)}
    return ModelConfig(name, system, {**taken, **common, **sections})


PUBLISHED_LIKE = model(
    "full",
    "dreamhead",
    wav2vec2.BASE,
    MESH_POINTS,
    landmark_denoiser=LandmarkDenoiserConfig(),
    autoencoder=AutoencoderConfig(),
    unet=UNetConfig(),
    painting=PaintingConfig(),
)

DEMO = model(
    "demo",
    "dreamhead_wav2lip",
    kdtalker.DEMO,
    CONTOUR_POINTS,
    landmark_denoiser=LandmarkDenoiserConfig(
        points=CONTOUR_POINTS, audio_features=kdtalker.DEMO.audio_encoder.widths[-1], width=192, heads=6, layers=3
    ),
    autoencoder=AutoencoderConfig(width=16, blocks=1, codes=512, groups=8),
    unet=UNetConfig(width=64, multipliers=(1, 2, 3), blocks=1, attention=(4, 2), groups=8, prediction="sample"),
    painting=PaintingConfig(image_size=128, steps=5),
)

# Narrow and shallow: for tests and dry runs on a laptop.
SMALL = model(
    "small",
    "dreamhead_wav2lip",
    kdtalker.SMALL,
    CONTOUR_POINTS,
    landmark_denoiser=LandmarkDenoiserConfig(
        points=CONTOUR_POINTS, audio_features=kdtalker.SMALL.audio_encoder.widths[-1], width=32, heads=2, layers=1
    ),
    autoencoder=AutoencoderConfig(width=8, blocks=1, codes=32, groups=4),
    unet=UNetConfig(
        width=16, multipliers=(1, 2), blocks=1, attention=(2,), head_width=16, groups=4, prediction="sample"
    ),
    painting=PaintingConfig(image_size=64, steps=2),
)

SMALL_WAV2VEC2 = replace(
    SMALL,
    system="dreamhead",
    sections={
        **SMALL.without("audio_encoder").sections,
        **{part: wav2vec2.SMALL_WAV2VEC2.sections[part] for part in ("wav2vec2", "hearing")},
        "landmark_denoiser": replace(SMALL.landmark_denoiser, audio_features=wav2vec2.SMALL_WAV2VEC2.wav2vec2.width),
    },
)

WITH_WAV2VEC2 = {config.name: config for config in (PUBLISHED_LIKE, SMALL_WAV2VEC2)}
WITH_WAV2LIP = {config.name: config for config in (DEMO, SMALL)}
