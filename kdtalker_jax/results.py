"""What calls have come to."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from kdtalker_jax.media.rates import FRAME_RATE


@dataclass(frozen=True)
class Video:
    """What `sample` has written. The seconds of rendering count encoding too, and those of compiling."""

    path: Path
    frames: int
    rendering_seconds: float
    compiling_seconds: float = 0.0
    frame_rate: int | Fraction = FRAME_RATE

    @property
    def seconds(self) -> float:
        return float(self.frames / Fraction(self.frame_rate))

    @property
    def rate(self) -> float:
        """Frames a second that were rendered and encoded, compilation left out."""
        return self.frames / max(self.rendering_seconds - self.compiling_seconds, 1e-3)
