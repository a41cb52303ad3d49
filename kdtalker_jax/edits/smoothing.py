"""Smoothing of motion over time."""

import math
from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np

from kdtalker_jax.checks import is_number
from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.keypoints import Motion

TRANSITION_VARIANCE = 0.05
OBSERVATION_VARIANCE = 0.001
INITIAL_VARIANCE = 1.0
LARGEST_STRENGTH = 1_000_000  # a frame then counts for a minute


def kalman_smooth(observations: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """Rauch-Tung-Striebel smoother of a random walk seen through noise, each channel on its own.

    The published system smooths all channels together, with covariances that are multiples of the identity: the
    channels then share one scalar gain, and this is the same result. The walk starts at the first observation,
    which is filtered as well.

    Args:
        observations: (T, C), T >= 1.
        strength: factor on the variance of the observations: 1 as published (which moves little), 0 returns the
            observations, larger values trust them less and smooth more (over a handful of frames at 1000).

    Returns:
        (T, C) float64.
    """
    smoother = KalmanSmoother(strength)
    return np.concatenate([smoother.push(np.asarray(observations, np.float64)), smoother.finish()])


class KalmanSmoother:
    """`kalman_smooth` of observations that come in pieces, each given back once what is still to come hardly moves it.

    What one more observation changes falls geometrically with its distance in time, so that after `lag` frames less
    than 1e-8 of it arrives. Pieces joined equal `kalman_smooth` to that.

    Args:
        strength: as of `kalman_smooth`.
        transition: variance of a step of the walk. observation: variance of the noise at strength 1.

    Attributes:
        lag: frames that are held back until `finish`: by default 5 at strength 1, 83 at 1000, none at 0.
    """

    def __init__(
        self,
        strength: float = 1.0,
        *,
        transition: float = TRANSITION_VARIANCE,
        observation: float = OBSERVATION_VARIANCE,
    ) -> None:
        self._noise, self._step = observation * strength, transition
        self.lag = _lag(self._noise, transition)
        self._predicted = INITIAL_VARIANCE
        self._mean: np.ndarray | None = None  # (C,)
        self._filtered: list[np.ndarray] = []  # the means of the frames held back
        self._variance: list[float] = []  # of the filtered means

    def push(self, observations: np.ndarray) -> np.ndarray:
        """(n, C) observations -> the next (m, C) smoothed ones, float64."""
        for observation in observations:
            mean = observation if self._mean is None else self._mean
            gain = self._predicted / (self._predicted + self._noise)
            self._mean = mean + gain * (observation - mean)
            self._filtered.append(self._mean)
            self._variance.append((1 - gain) * self._predicted)
            self._predicted = self._variance[-1] + self._step
        return self._give(len(self._filtered) - self.lag)

    def finish(self) -> np.ndarray:
        """What was held back, (m, C)."""
        return self._give(len(self._filtered))

    def _give(self, count: int) -> np.ndarray:
        count = max(count, 0)
        channels = 0 if self._mean is None else len(self._mean)
        smoothed = np.array(self._filtered).reshape(len(self._filtered), channels)
        for i in range(len(smoothed) - 2, -1, -1):
            gain = self._variance[i] / (self._variance[i] + self._step)
            smoothed[i] += gain * (smoothed[i + 1] - smoothed[i])
        del self._filtered[:count], self._variance[:count]
        return smoothed[:count]


def _lag(noise: float, step: float) -> int:
    """Frames after which less than 1e-8 of a change is felt, by the gain that the smoother settles at."""
    predicted = step / 2 + math.sqrt(step**2 / 4 + step * noise)
    gain = 1 - step / predicted
    return math.ceil(math.log(1e-8) / math.log(gain)) if gain > 0 else 0


def check_strength(strength: bool | float) -> None:
    """Raises InputError where it is neither True nor False nor a number from 0 to `LARGEST_STRENGTH`."""
    if not isinstance(strength, (bool, np.bool_)) and not is_number(strength, 0, LARGEST_STRENGTH):
        raise InputError(f"The smoothing strength must be a number from 0 to {LARGEST_STRENGTH}, not {strength!r}.")


def smoothed(
    vectors: Iterable[np.ndarray], strength: float = 1.0, channels: slice = slice(1, None)
) -> Iterator[np.ndarray]:
    """Smooths a motion that comes in pieces.

    Args:
        vectors: pieces (n, D).
        strength: as in `kalman_smooth`; 1 as published, 0 off.
        channels: of the D, that are smoothed: `Space.smoothed`. The others stay as they are.

    Yields:
        Pieces (m, D), m > 0, of frames as `KalmanSmoother` gives them.

    Raises:
        InputError: see `check_strength`.
    """
    check_strength(strength)
    smoother, waiting = KalmanSmoother(strength), None
    for piece in chain(vectors, [None]):
        if piece is None:
            ready = smoother.finish()
        else:
            waiting = piece if waiting is None else np.concatenate([waiting, piece])
            ready = smoother.push(piece[:, channels].astype(np.float64))  # (m, C)
        if len(ready):
            result = waiting[: len(ready)].astype(np.float64)
            result[:, channels] = ready
            yield result
            waiting = waiting[len(ready) :]


def smooth(motion: Motion, strength: float = 1.0) -> Motion:
    """`smoothed` for a whole motion; keypoints are dropped."""
    return Motion.from_vector(np.concatenate(list(smoothed([motion.to_vector()], strength))))
