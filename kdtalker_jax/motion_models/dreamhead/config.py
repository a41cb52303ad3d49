"""Sizes of DreamHead's audio-to-landmark network (arXiv 2409.10281), which publishes none: the defaults are ours."""

from dataclasses import dataclass

from kdtalker_jax.sizes import Sizes, check_heads
from kdtalker_jax.spaces.landmarks.contours import COUNTS, MESH_POINTS


@dataclass(frozen=True)
class LandmarkDenoiserConfig(Sizes):
    """Noisy landmarks, those before them, and sound -> landmarks."""

    points: int = MESH_POINTS  # landmarks of a face
    window: int = 64  # frames that are made at a time
    previous: int = 8  # of them, that overlap with the window before and are known from there
    audio_features: int = 768
    audio_reach: int = 2  # rows of sound before and after a frame's own that it hears
    audio_width: int = 64  # of each row, before they are joined
    width: int = 512
    heads: int = 8
    layers: int = 8  # of a temporal and a mapping unit each

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.points not in COUNTS:
            raise ValueError(f"points is {self.points}, not {' or '.join(map(str, COUNTS))}")
        if self.previous >= self.window:
            raise ValueError(f"previous, {self.previous}, is not less than window, {self.window}")
        check_heads(self.width, self.heads)

    @property
    def motion_size(self) -> int:
        """Numbers per frame."""
        return 3 * self.points

    @property
    def new(self) -> int:
        """Frames that a window adds."""
        return self.window - self.previous
