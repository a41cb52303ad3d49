"""Sizes of Playmate (arXiv 2502.07203), which publishes few: the defaults are ours but for the two emotion blocks."""

from dataclasses import dataclass

from kdtalker_jax.emotions import ROWS
from kdtalker_jax.sizes import Sizes


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


POSE = 7  # numbers before the expression


def check_heads(width: int, heads: int) -> None:
    """Raises ValueError where a width has not so many heads of pairs."""
    if width < 4 or width % (2 * heads):
        raise ValueError(f"width, {width}, is no multiple of twice the heads, {heads}")
