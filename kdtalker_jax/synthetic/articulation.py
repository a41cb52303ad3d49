"""What a mouth does to say a track of phonemes: coarticulation by dominance, after Cohen and Massaro (1993)."""

from typing import NamedTuple

import numpy as np

from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.synthetic.phonemes import PAUSE, Track, column

_JAW_REACH, _LIP_REACH = 0.035, 0.07  # seconds that the influence of a sound reaches past its middle half
_SEAL, _PARTING = 0.022, 0.072  # seconds: lips stay together, and take to part or meet
_CLOSING, _OPENING = 0.16, 0.10  # seconds: the mouth closes after the last sound, and opens before the first


class Mouth(NamedTuple):
    """As in `state.FaceState`: (F,) each, float32."""

    jaw: np.ndarray
    lip_width: np.ndarray
    lip_rounding: np.ndarray


def articulate(track: Track, frames: int, effort: float | np.ndarray = 1.0) -> Mouth:
    """The mouth at times 0, 1/25, 2/25 ... while `track` is said.

    The targets of all sounds are blended, weighted by their dominance, which falls off with the distance from them.
    Bilabials and pauses then close the lips, whatever is around.

    Args:
        effort: 1 opens as wide as usual, before stress; for all sounds, or (N,) for each.
    """
    time = np.arange(frames)[:, None] / FRAME_RATE  # (F, 1)
    pause = track.phoneme == PAUSE
    held = np.where(pause, track.end - track.start, 0.5 * (track.end - track.start)) / 2  # half of the core of a sound
    away = np.maximum(np.abs(time - (track.start + track.end) / 2) - held, 0)  # (F, N) seconds
    opening = np.clip(effort * (0.78 + 0.22 * track.stress), 0, 1.15)

    jaw = _blend(column("jaw")[track.phoneme] * opening, column("jaw_hold")[track.phoneme], away / _JAW_REACH)
    lips = column("lip_hold")[track.phoneme], away / _LIP_REACH
    closed = _closures(track, time)  # (F,)
    return Mouth(
        jaw=np.clip(jaw * (1 - closed), 0, 1).astype(np.float32),
        lip_width=np.clip(_blend(column("lip_width")[track.phoneme], *lips), -1, 1).astype(np.float32),
        lip_rounding=np.clip(_blend(column("lip_rounding")[track.phoneme], *lips), 0, 1).astype(np.float32),
    )


def _blend(targets: np.ndarray, hold: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Mean of targets (N,) by dominance (F, N): (F,)."""
    dominance = hold * np.exp(-(distance**1.3)) + 1e-9
    return dominance @ targets / dominance.sum(axis=1)


def _closures(track: Track, time: np.ndarray) -> np.ndarray:
    """How far the lips are shut, 0 to 1: (F,)."""
    closure = column("closure")[track.phoneme]
    middle = (track.start + track.end) / 2
    bilabials = closure * (1 - _ease((np.abs(time - middle) - _SEAL) / _PARTING))  # (F, N)

    length = track.end - track.start
    closing = np.minimum(_CLOSING, 0.55 * length)
    opening = np.minimum(_OPENING, 0.4 * length)
    closed = np.where(track.start <= 0, 1, _ease((time - track.start) / closing))  # before and after all: at rest
    closed = closed * np.where(track.end >= track.end[-1], 1, _ease((track.end - time) / opening))  # (F, N)
    within = (track.phoneme == PAUSE) & (time >= track.start) & (time <= track.end)
    return np.maximum(bilabials, closed * within).max(axis=1)


def _ease(x: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, smooth in between."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
