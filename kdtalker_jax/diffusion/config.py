"""What diffusion is, apart from the network that undoes it."""

import math
from dataclasses import dataclass
from typing import Literal

from kdtalker_jax.records import added

LONGEST = 1 << 16  # times

SamplerName = Literal["ddim", "ddpm", "pndm", "dpm++"]


@dataclass(frozen=True)
class DiffusionConfig:
    """Of training and sampling alike. The defaults are KDTalker's published ones (arXiv 2503.12963).

    Raises:
        ValueError: variances that are none.
    """

    times: int = 1000
    beta_start: float = 1e-5  # variance of the noise that the first time adds
    beta_end: float = 8e-3  # and the last: the more, the less motion is left at the end
    noise_offset: float = 0.0  # deviation of what all frames of a window's noise share, per channel
    prediction: Literal["noise", "sample", "velocity"] = "noise"  # what the network tells of a noisy sample
    sampler: SamplerName | None = None  # that is taken where none is named; None: `samplers.DEFAULT_SAMPLER`
    spacing: Literal["linear", "root", "cosine"] = added("linear")  # see `schedule.NoiseSchedule`

    def __post_init__(self) -> None:
        if not 1 <= self.times <= LONGEST:
            raise ValueError(f"times is {self.times}, not from 1 to {LONGEST}")
        if not 0 < self.beta_start < self.beta_end < 1:
            raise ValueError(f"beta_end is a variance between beta_start={self.beta_start} and 1, not {self.beta_end}")
        if not 0 <= self.noise_offset < math.inf:
            raise ValueError(f"noise_offset is a standard deviation, 0 or more, not {self.noise_offset}")
