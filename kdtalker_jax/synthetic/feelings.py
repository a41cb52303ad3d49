"""What people feel, how much, and what it does to their faces while they speak or are silent."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d

from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.synthetic.state import Expression, FaceState, FeelingState

EMOTIONS = ("neutral", "angry", "contempt", "disgusted", "fear", "happy", "sad", "surprised")
UNKNOWN = -1  # of faces that nobody would give a name

# Columns are the fields of `Expression`, then what is added to the jaw, the width of the lips and the lids.
_FACES = np.array(
    [
        #  corners      inner  outer  widen  squint  nose  cheeks press   jaw   width  lids
        [0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.0, 0.00],
        [-0.35, -0.35, -1.00, -0.20, 0.45, 0.50, 0.35, 0.00, 0.60, 0.00, 0.0, 0.00],
        [0.75, -0.05, -0.15, 0.10, 0.00, 0.30, 0.15, 0.20, 0.35, 0.00, 0.0, 0.12],
        [-0.45, -0.45, -0.60, -0.30, 0.00, 0.60, 1.00, 0.40, 0.10, 0.04, 0.0, 0.05],
        [-0.35, -0.35, 0.95, 0.35, 0.90, 0.10, 0.00, 0.00, 0.00, 0.14, 0.4, 0.00],
        [1.00, 1.00, 0.05, 0.10, 0.00, 0.35, 0.05, 0.85, 0.00, 0.08, 0.3, 0.00],
        [-0.75, -0.75, 0.90, -0.45, 0.00, 0.30, 0.00, 0.10, 0.20, 0.00, -0.1, 0.22],
        [0.00, 0.00, 0.90, 1.00, 1.00, 0.00, 0.00, 0.00, 0.00, 0.38, -0.1, 0.00],
    ],
    np.float32,
)  # (8, 12) at full intensity
_OWN = 0.22  # how far people differ in how they show a feeling, of each number
_LIMITS = ((-1, 1), (-1, 1), (-1, 1), (-1, 1), (0, 1), (0, 1), (0, 1), (0, 1), (0, 1))  # of `Expression`'s fields


class Felt(NamedTuple):
    """(F,) each."""

    states: FeelingState
    emotion: np.ndarray  # int8, numbers in EMOTIONS, or UNKNOWN
    intensity: np.ndarray  # float32, 0 .. 1; 0 of neutral faces


def feel(rng: np.random.Generator, states: FaceState) -> Felt:
    """Feelings for a performance: one throughout in most, else they come and go in a second or less. Speech goes on."""
    return shown(rng, states, *_course(rng, len(states.jaw)))


def shown(rng: np.random.Generator, states: FaceState, emotion: np.ndarray, intensity: np.ndarray) -> Felt:
    """How somebody shows feelings (F,) as strong as that (F,): all in ways of their own, no two frames alike."""
    frames = len(states.jaw)
    faces = _FACES * (1 + _OWN * rng.normal(size=_FACES.shape)) + 0.04 * rng.normal(size=_FACES.shape)
    if rng.uniform() < 0.5:
        faces[EMOTIONS.index("contempt"), :2] = faces[EMOTIONS.index("contempt"), 1::-1]
    tremble = np.stack([_slow(rng, frames) for _ in range(faces.shape[1])], axis=1)  # (F, 12)
    moved = intensity[:, None] * faces[emotion] * (1 + 0.15 * tremble) + 0.03 * tremble
    return Felt(_worn(states, moved), emotion.astype(np.int8), intensity.astype(np.float32))


def random_feelings(rng: np.random.Generator, states: FaceState) -> Felt:
    """Feelings for states without relation to each other: half have a name, the others cover all that faces do."""
    count = len(states.jaw)
    emotion = rng.integers(0, len(EMOTIONS), count)
    intensity = np.where(emotion > 0, rng.uniform(0.2, 1, count), 0).astype(np.float32)
    faces = _FACES[emotion] * (1 + _OWN * rng.normal(size=(count, _FACES.shape[1])))
    turned = (emotion == EMOTIONS.index("contempt")) & (rng.uniform(size=count) < 0.5)
    faces[turned, :2] = faces[turned, 1::-1]
    shown = intensity[:, None] * faces + 0.03 * rng.normal(size=faces.shape)
    nameless = rng.uniform(size=count) < 0.5
    low, high = np.array([*_LIMITS, (0, 0), (0, 0), (0, 0)], np.float32).T
    anything = rng.uniform(low, high, faces.shape) * (rng.uniform(size=faces.shape) < 0.5)
    one_sided = rng.uniform(size=count) < 0.7
    anything[one_sided, 1] = anything[one_sided, 0]
    shown = np.where(nameless[:, None], anything, shown)
    emotion, intensity = np.where(nameless, UNKNOWN, emotion), np.where(nameless, 0, intensity)
    return Felt(_worn(states, shown), emotion.astype(np.int8), intensity.astype(np.float32))


def unfelt(states: FaceState) -> Felt:
    """The same states, of somebody who feels nothing."""
    nothing = np.zeros(len(states.jaw), np.float32)
    expression = (nothing for _ in Expression._fields)
    return Felt(FeelingState(*states, *expression), nothing.astype(np.int8), nothing)


def _course(rng: np.random.Generator, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Which feeling in which frame, and how strong: (F,) int, (F,) float32."""
    emotion, intensity = np.zeros(frames, int), np.zeros(frames, np.float32)
    if rng.uniform() < 0.15:
        return emotion, intensity
    start, throughout = 0, rng.uniform() < 0.6
    if not throughout:
        start = int(rng.uniform(0, 1.5) * FRAME_RATE)
    while start < frames:
        stop = frames if throughout else min(frames, start + int(rng.uniform(1.0, 4.0) * FRAME_RATE))
        strength = rng.uniform(0.3, 1.0) * np.clip(1 + 0.1 * _slow(rng, stop - start), 0.7, 1.2)
        time = np.arange(stop - start)
        rise, fall = rng.uniform(0.2, 0.7, 2) * FRAME_RATE
        shape = 1.0 if throughout else _ease(time / rise) * _ease((stop - start - time) / fall)
        emotion[start:stop] = rng.integers(1, len(EMOTIONS))
        intensity[start:stop] = np.clip(strength * shape, 0, 1)
        start = stop + int(rng.uniform(0, 1.2) * FRAME_RATE)
    return np.where(intensity > 0, emotion, 0), intensity


def _worn(states: FaceState, shown: np.ndarray) -> FeelingState:
    """States with (F, 12) numbers as in `_FACES`: what lips do to speak is left to them."""
    fields = [np.clip(column, *limits) for column, limits in zip(shown.T, _LIMITS, strict=False)]
    expression = Expression(*fields)
    jaw, width, lids = shown.T[len(fields) :]
    # Lips that meet for a moment, to say a bilabial, are not held apart.
    resting = gaussian_filter1d((states.jaw < 0.02).astype(np.float64), 2.5) if len(states.jaw) > 1 else 1.0
    held = np.where(states.jaw < 0.02, np.clip(5 * resting - 4, 0, 1), 1)
    jaw = np.clip(states.jaw + np.maximum(jaw, 0) * held * (1 - states.jaw), 0, 1)
    expression = expression._replace(press=expression.press * np.clip(1 - 5 * jaw, 0, 1))
    worn = states._replace(
        jaw=jaw,
        lip_width=np.clip(states.lip_width + width * (1 - states.lip_rounding), -1, 1),
        lid_left=np.clip(states.lid_left + lids * (1 - states.lid_left), 0, 1),
        lid_right=np.clip(states.lid_right + lids * (1 - states.lid_right), 0, 1),
    )
    return FeelingState(*(np.asarray(field, np.float32) for field in (*worn, *expression)))


def _slow(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Smooth noise of deviation 1: (F,)."""
    sigma = 8.0
    noise = gaussian_filter1d(rng.normal(size=frames + 64), sigma)[32 : 32 + frames]
    return noise * np.sqrt(2 * np.sqrt(np.pi) * sigma)


def _ease(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
