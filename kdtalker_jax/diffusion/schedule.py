"""The noise schedule: how much of the clean motion is left at each time."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kdtalker_jax.diffusion.config import DiffusionConfig


@dataclass(frozen=True)
class NoiseSchedule:
    """Linear schedule of DDPM (arXiv 2006.11239, section 2) with KDTalker's figures.

    x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) noise. Tables are float64, so that products and
    differences of numbers close to 1 keep their digits; users round once, at the end.
    """

    times: int = 1000
    beta_start: float = 1e-5
    beta_end: float = 8e-3

    @cached_property
    def betas(self) -> np.ndarray:
        """(times,) variance of the noise added at each time."""
        return np.linspace(self.beta_start, self.beta_end, self.times)

    @cached_property
    def alpha_bars(self) -> np.ndarray:
        """(times,) share of the clean motion's variance left at each time."""
        return np.cumprod(1 - self.betas)

    def stride(self, steps: int) -> int:
        """Distance in time between two of `steps` sampling steps."""
        return self.times // steps

    def sampling_times(self, steps: int) -> np.ndarray:
        """(steps,) the times that sampling visits, falling to 0: (steps - 1) * stride, ..., stride, 0.

        Where `steps` does not divide the number of times the first falls short of the noisiest one, as in the
        published code; divisors of 1000 use the whole schedule.
        """
        return np.arange(steps)[::-1] * self.stride(steps)


def schedule_of(config: DiffusionConfig) -> NoiseSchedule:
    """The schedule that a network is trained and sampled with."""
    return NoiseSchedule(config.times, config.beta_start, config.beta_end)
