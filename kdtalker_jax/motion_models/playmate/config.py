"""Sizes and statistics of Playmate (arXiv 2502.07203), which publishes few: the defaults are ours."""

from dataclasses import dataclass, fields

import numpy as np

from kdtalker_jax.emotions import ROWS
from kdtalker_jax.sizes import Sizes, check_heads

POSE = 7  # numbers before the expression: scale, yaw, pitch, roll, t (3)


@dataclass(frozen=True)
class TransformerConfig(Sizes):
    """The audio-conditioned diffusion transformer: noisy motion, its past and sound -> noise."""

    keypoints: int = 21
    window: int = 64  # frames that are made at a time
    previous: int = 10  # frames before them that are known
    audio_features: int = 768
    width: int = 512
    heads: int = 8
    layers: int = 6  # Conformer blocks
    expansion: int = 4  # of feed-forward networks
    kernel: int = 31  # frames that a convolution sees
    aligner_layers: int = 2
    dropout: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_heads(self.width, self.heads)
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}, not from 0 to below 1")

    @property
    def motion_size(self) -> int:
        """Numbers per frame: scale, yaw, pitch, roll, t (3), exp (3 per keypoint)."""
        return POSE + 3 * self.keypoints


@dataclass(frozen=True)
class EmotionConfig(Sizes):
    """The emotion-control module between the transformer and its expression head."""

    width: int = 512  # of the transformer
    heads: int = 8
    layers: int = 2
    expansion: int = 4
    rows: int = len(ROWS)  # what it can be told

    def __post_init__(self) -> None:
        super().__post_init__()
        check_heads(self.width, self.heads)
        if self.rows != len(ROWS):
            raise ValueError(f"rows is {self.rows}, and this version tells {len(ROWS)} emotions")


@dataclass(frozen=True)
class AdaptiveStatistics:
    """Of a training set, in the units of the motion extractor.

    Attributes:
        exp_mean, exp_std, kp_mean, kp_std: (3 K,) over all frames of all clips.
        pose_spread: (7,) of scale, yaw, pitch, roll and t: the median of clips' own deviations.

    Raises:
        ValueError: other lengths, values that are not finite in float32, or a deviation that is not more than 0.
    """

    exp_mean: tuple[float, ...]
    exp_std: tuple[float, ...]
    kp_mean: tuple[float, ...]
    kp_std: tuple[float, ...]
    pose_spread: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.exp_mean or len(self.exp_mean) % 3:
            raise ValueError(f"exp_mean has {len(self.exp_mean)} numbers, not three per keypoint")
        for field in fields(self):
            values, length = getattr(self, field.name), POSE if field.name == "pose_spread" else len(self.exp_mean)
            if len(values) != length:
                raise ValueError(f"{field.name} has {len(values)} numbers, not {length}")
            with np.errstate(over="ignore"):
                numbers = np.asarray(values, np.float32)
            usable = np.isfinite(numbers) & (numbers > (-np.inf if field.name.endswith("_mean") else 0))
            if not usable.all():
                raise ValueError(f"{field.name} holds {values[int(np.argmin(usable))]}")

    def vector(self, name: str) -> np.ndarray:
        """One of the attributes as float32."""
        return np.asarray(getattr(self, name), np.float32)

    def expression(self, exp: np.ndarray) -> np.ndarray:
        """Normalises displacements (..., 3 K)."""
        return ((exp - self.vector("exp_mean")) / self.vector("exp_std")).astype(np.float32)

    def identity(self, canonical: np.ndarray) -> np.ndarray:
        """Normalises canonical keypoints (..., 3 K)."""
        return ((canonical - self.vector("kp_mean")) / self.vector("kp_std")).astype(np.float32)
