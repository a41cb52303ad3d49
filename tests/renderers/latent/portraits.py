"""Faces with drawn pictures, and parameters, for tests of what paints by landmarks."""

import numpy as np

from configs.dreamhead import SMALL
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.renderers.latent.config import AutoencoderConfig, UNetConfig
from kdtalker_jax.renderers.latent.parts import PARTS
from kdtalker_jax.spaces.landmarks.contours import CONTOUR_POINTS
from kdtalker_jax.spaces.landmarks.pictures import draw
from kdtalker_jax.spaces.landmarks.statistics import statistics_of
from tests.training.landmarks import make_clip

SIZE = SMALL.painting.image_size
AUTOENCODER = AutoencoderConfig(width=8, multipliers=(1, 1), blocks=1, codes=32, groups=4)
UNET = UNetConfig(width=8, multipliers=(1,), blocks=1, attention=(), head_width=8, groups=4)
CLIP = make_clip("person", 40, 3)
POINTS = CLIP["points"]  # (40, 162, 3)
STATISTICS = statistics_of([CLIP["points"], make_clip("other", 40, 4)["points"]])
CONFIG = SMALL.replace(statistics=STATISTICS, autoencoder=AUTOENCODER, unet=UNET)
assert POINTS.shape[1] == CONTOUR_POINTS


def pictures(points: np.ndarray, tint: tuple[float, float, float] = (0.9, 0.7, 0.6)) -> np.ndarray:
    """uint8 (B, S, S, 3) of landmarks (B, N, 3)."""
    return np.uint8(np.rint((draw(points, SIZE) + 1) * 127.5 * np.float32(tint)))


def variables() -> dict:
    return {part.name: random_variables(part.name, CONFIG) for part in PARTS}
