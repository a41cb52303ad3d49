"""Smoothing of what comes live: the One Euro filter (Casiez et al., CHI 2012), which waits for nothing to come."""

import math

import numpy as np

RATE = 30.0  # frames a second that the constants are meant for
LEAST_CUTOFF, SPEED_CUTOFF = 4.0, 0.3  # Hz, and Hz for each unit a second
DERIVATIVE_CUTOFF = 1.0  # Hz


def one_euro(numbers: np.ndarray) -> np.ndarray:
    """(T, ...) numbers, each smoothed from those before it alone: less where it moves fast."""
    smoothed = np.array(numbers, np.float64)
    speed = np.zeros(smoothed.shape[1:])
    for i in range(1, len(smoothed)):
        weight = _weight(DERIVATIVE_CUTOFF)
        speed = weight * RATE * (numbers[i] - numbers[i - 1]) + (1 - weight) * speed
        weight = _weight(LEAST_CUTOFF + SPEED_CUTOFF * np.abs(speed))
        smoothed[i] = weight * numbers[i] + (1 - weight) * smoothed[i - 1]
    return smoothed


def _weight(cutoff: float | np.ndarray) -> float | np.ndarray:
    """Of the newest number, for a cutoff in Hz."""
    return 1 / (1 + RATE / (2 * math.pi * cutoff))
