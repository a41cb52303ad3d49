"""Which frames of the network, about 50 a second, the rows at 25 a second are made of; which rows are heard at a time.

A recording of n samples fills n // 640 rows.
"""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.features.wav2vec2.config import Wav2Vec2Config
from kdtalker_jax.media.rates import SAMPLES_PER_FRAME

LONGEST = 750  # rows heard at a time: 30 s. Of longer recordings so many overlap:
OVERLAP = 125  # rows on either side of what is kept


@dataclass(frozen=True)
class Chunk:
    """Rows `start` .. `stop` - 1 are heard together; of these `first` .. `last` - 1 are kept."""

    start: int
    stop: int
    first: int
    last: int


def chunks(rows: int) -> list[Chunk]:
    """How a recording is heard: by its length alone, in as few pieces as are at most `LONGEST` rows."""
    if rows <= LONGEST:
        return [Chunk(0, rows, 0, rows)]
    starts = [*range(0, rows - LONGEST, LONGEST - 2 * OVERLAP), rows - LONGEST]
    ends = [start + LONGEST - OVERLAP for start in starts[:-1]] + [rows]
    return [
        Chunk(start, start + LONGEST, first, last) for start, first, last in zip(starts, [0, *ends], ends, strict=False)
    ]


def hop(config: Wav2Vec2Config) -> int:
    """Samples from frame to frame."""
    return math.prod(config.conv_strides)


def per_row(config: Wav2Vec2Config) -> int:
    """Frames that a row of 40 ms stands for. Raises ValueError where these are no whole number."""
    frames, rest = divmod(SAMPLES_PER_FRAME, hop(config))
    if rest or not frames:
        raise ValueError(
            f"conv_strides make frames of {hop(config)} samples, of which none or no whole number are a row"
        )
    return frames


def num_conv_frames(config: Wav2Vec2Config, samples: int) -> int:
    """Frames that the convolutions make of so many samples."""
    for kernel, stride in zip(config.conv_kernels, config.conv_strides, strict=True):
        samples = max((samples - kernel) // stride + 1, 0)
    return samples


def receptive_field(config: Wav2Vec2Config) -> int:
    """Samples that a frame sees; a recording of fewer has none."""
    samples = 1
    for kernel, stride in zip(reversed(config.conv_kernels), reversed(config.conv_strides), strict=True):
        samples = (samples - 1) * stride + kernel
    return samples


def positions(rows: np.ndarray, per_row: int, aligned: bool, of: tuple[int, int] | None) -> np.ndarray:
    """Where rows lie among frames, float64 (n,).

    Args:
        per_row: frames that a row stands for.
        aligned: whether the first and last row lie on the first and last frame.
        of: all rows and frames of the recording; None: it has not ended, and counts as endless.
    """
    if aligned:
        step = per_row if of is None else (of[1] - 1) / max(of[0] - 1, 1)
        return rows * step
    step = per_row if of is None else of[1] / of[0]
    return np.maximum((rows + 0.5) * step - 0.5, 0)


def interpolated(x: jax.Array, lower: jax.Array, fraction: jax.Array) -> jax.Array:
    """(B, T, C) between frames `lower` (B, R) and the next ones, linearly in time: (B, R, C)."""
    upper = jnp.minimum(lower + 1, x.shape[1] - 1)
    below, above = (jnp.take_along_axis(x, index[..., None], axis=1) for index in (lower, upper))
    fraction = fraction[..., None].astype(x.dtype)
    return below * (1 - fraction) + above * fraction
