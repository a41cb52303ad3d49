"""The noise schedule: how much of the clean motion is left at each time."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from kdtalker_jax.diffusion.config import DiffusionConfig


@dataclass(frozen=True)
class NoiseSchedule:
    """Linear schedule of DDPM (arXiv 2006.11239, section 2) with KDTalker's figures, or others.

    x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) noise. Tables are float64, so that products and
    differences of numbers close to 1 keep their digits; users round once, at the end.
    """

    times: int = 1000
    beta_start: float = 1e-5
    beta_end: float = 8e-3
    spacing: Literal["linear", "root", "cosine"] = "linear"  # what has equal steps: the variances, or their square
    # roots; "cosine" needs neither variance: see `cosine_betas`
    first: int = 0  # the time that sampling visits last; what it leads to is the time before, or no noise at all

    @cached_property
    def betas(self) -> np.ndarray:
        """(times,) variance of the noise added at each time."""
        if self.spacing == "root":  # of latent diffusion, arXiv 2112.10752
            return np.linspace(self.beta_start**0.5, self.beta_end**0.5, self.times) ** 2
        if self.spacing == "cosine":
            return cosine_betas(self.times)
        return np.linspace(self.beta_start, self.beta_end, self.times)

    @cached_property
    def alpha_bars(self) -> np.ndarray:
        """(times,) share of the clean motion's variance left at each time."""
        return np.cumprod(1 - self.betas)

    @property
    def last_alpha_bar(self) -> float:
        """What is left of the clean motion's variance where sampling ends."""
        return float(self.alpha_bars[self.first - 1]) if self.first else 1.0

    def stride(self, steps: int) -> int:
        """Distance in time between two of `steps` sampling steps."""
        return self.times // steps

    def sampling_times(self, steps: int) -> np.ndarray:
        """(steps,) the times that sampling visits, falling to `first`, f: f + (steps - 1) * stride, ..., f + stride, f.

        Where `steps` does not divide the number of times the first falls short of the noisiest one, as in the
        published code; divisors of 1000 use the whole schedule.
        """
        return np.minimum(self.first + np.arange(steps)[::-1] * self.stride(steps), self.times - 1)


def cosine_betas(times: int) -> np.ndarray:
    """(times,) variances by which the clean share falls as a squared cosine (arXiv 2102.09672, equation 17)."""
    places = np.arange(times + 1) / times
    shares = np.cos((places + 0.008) / 1.008 * np.pi / 2) ** 2
    return np.minimum(1 - shares[1:] / shares[:-1], 0.999)


def schedule_of(config: DiffusionConfig) -> NoiseSchedule:
    """The schedule that a network is trained and sampled with."""
    return NoiseSchedule(config.times, config.beta_start, config.beta_end, config.spacing)
