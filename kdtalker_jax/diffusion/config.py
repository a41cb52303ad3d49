"""What diffusion is, apart from the network that undoes it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DiffusionConfig:
    """Of training and sampling alike. The defaults are KDTalker's published ones (arXiv 2503.12963)."""

    times: int = 1000
    beta_start: float = 1e-5  # variance of the noise that the first time adds
    beta_end: float = 8e-3  # and the last: the more, the less motion is left at the end
    noise_offset: float = 0.0  # deviation of what all frames of a window's noise share, per channel
    prediction: Literal["noise", "sample", "velocity"] = "noise"  # what the network tells of a noisy sample
    sampler: str | None = None  # that is taken where none is named; None: `samplers.DEFAULT_SAMPLER`
