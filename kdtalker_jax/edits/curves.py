"""Numbers over time: constant, for a while, or from keyframe to keyframe. Smooth, so that no head jumps."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kdtalker_jax.checks import is_number
from kdtalker_jax.errors import InputError

RAMP = 0.2  # seconds that coming and going take, or half of the span where that is less
LONGEST = 1e6  # seconds; twelve days
_KEYFRAMES = "Keyframes are pairs of seconds and a number, the later ones last, such as [(0, 0), (1.5, 10)], not"


@dataclass(frozen=True)
class Curve:
    """A number at each moment, and how much it counts there.

    Attributes:
        points: (seconds, value), the earliest first. One is a constant; between several it goes without a corner and
            without leaving their range, before the first and after the last it is theirs.
        begin, end: seconds between which it counts; it comes and goes within `RAMP` seconds inside of them. None: open.
            What begins at 0 has nothing to come from.

    Raises:
        InputError: times that are none, or in another order.
    """

    points: tuple[tuple[float, float], ...]
    begin: float | None = None
    end: float | None = None

    def __post_init__(self) -> None:
        try:
            points = tuple((seconds, value) for seconds, value in self.points)
        except TypeError:
            raise InputError(f"{_KEYFRAMES} {self.points!r}.") from None
        numbers = all(is_number(s, 0, LONGEST) and is_number(value, -np.inf, np.inf) for s, value in points)
        if not points or not numbers or any(a >= b for (a, _), (b, _) in pairwise(points)):
            raise InputError(f"{_KEYFRAMES} {self.points!r}.")
        object.__setattr__(self, "points", tuple((float(seconds), float(value)) for seconds, value in points))
        for name in ("begin", "end"):
            if getattr(self, name) is not None and not is_number(getattr(self, name), 0, LONGEST):
                raise InputError(f"A span goes from one second to another, not from {self.begin!r} to {self.end!r}.")
        if self.end is not None and self.end <= (self.begin or 0):
            raise InputError(f"A span must end after it begins, not go from {self.begin or 0:g} s to {self.end:g} s.")

    @property
    def extremes(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        values = [value for _, value in self.points]
        return min(values), max(values)

    def clipped(self, low: float, high: float) -> "Curve":
        points = tuple((seconds, min(max(value, low), high)) for seconds, value in self.points)
        return Curve(points, self.begin, self.end)

    def values(self, times: np.ndarray) -> np.ndarray:
        """At seconds (T,): (T,)."""
        return between(self.points, times)

    def weights(self, times: np.ndarray) -> np.ndarray:
        """How much it counts at seconds (T,): 0 outside of the span, 1 inside, (T,)."""
        weights = np.ones(len(times))
        span = np.inf if self.end is None else self.end - (self.begin or 0)
        ramp = min(RAMP, span / 2)
        if self.begin:
            weights = np.minimum(weights, _ease((times - self.begin) / ramp))
        if self.end is not None:
            weights = np.minimum(weights, _ease((self.end - times) / ramp))
        return weights


def between(points: Sequence[tuple[float, float | np.ndarray]], times: np.ndarray) -> np.ndarray:
    """Keyframes (seconds, numbers) at seconds (T,): smooth, without overshoot, held before and after. (T, ...)."""
    from scipy.interpolate import PchipInterpolator

    seconds, values = (np.asarray(column, np.float64) for column in zip(*points, strict=True))
    if len(seconds) == 1:
        return np.broadcast_to(values[0], (len(times), *values.shape[1:])).copy()
    ends = np.array([seconds[0] - 1, seconds[-1] + 1])  # so that it comes to rest where it is held
    seconds, values = np.r_[ends[:1], seconds, ends[1:]], np.concatenate([values[:1], values, values[-1:]])
    return PchipInterpolator(seconds, values)(np.clip(times, *ends))


def _ease(x: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, smooth in between."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
