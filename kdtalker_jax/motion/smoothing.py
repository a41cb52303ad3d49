"""Smoothing of motion over time."""

import math
from dataclasses import replace

import numpy as np

from kdtalker_jax.errors import InputError
from kdtalker_jax.motion.coefficients import Motion

TRANSITION_VARIANCE = 0.05
OBSERVATION_VARIANCE = 0.001
INITIAL_VARIANCE = 1.0


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
    frames = len(observations)
    noise = OBSERVATION_VARIANCE * strength
    filtered = np.array(observations, np.float64)  # (T, C)
    variance = np.empty(frames)  # of the filtered means

    predicted = INITIAL_VARIANCE
    for i in range(frames):
        mean = filtered[max(i - 1, 0)]
        gain = predicted / (predicted + noise)
        filtered[i] = mean + gain * (filtered[i] - mean)
        variance[i] = (1 - gain) * predicted
        predicted = variance[i] + TRANSITION_VARIANCE

    smoothed = filtered
    for i in range(frames - 2, -1, -1):
        gain = variance[i] / (variance[i] + TRANSITION_VARIANCE)
        smoothed[i] += gain * (smoothed[i + 1] - smoothed[i])
    return smoothed


def smooth(motion: Motion, strength: float = 1.0) -> Motion:
    """Smooth pose, translation and expression over time. Scale stays as it is; keypoints are dropped.

    Args:
        strength: as in `kalman_smooth`; 1 as published, 0 off.

    Raises:
        InputError: the strength is negative or not finite.
    """
    if not (math.isfinite(strength) and strength >= 0):
        raise InputError(f"The smoothing strength must be 0 or more, not {strength}.")
    channels = np.concatenate([np.stack([motion.yaw, motion.pitch, motion.roll], axis=1), motion.t, motion.exp], axis=1)
    smoothed = kalman_smooth(channels, strength)  # (T, 6 + 3 K)
    yaw, pitch, roll = smoothed[:, :3].T
    return replace(motion, yaw=yaw, pitch=pitch, roll=roll, t=smoothed[:, 3:6], exp=smoothed[:, 6:], keypoints=None)
