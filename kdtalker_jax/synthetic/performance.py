"""What an actor of the synthetic world does, with the sound: speech or silence, a mouth, a head and eyes that live."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d

from kdtalker_jax.media.rates import FRAME_RATE, SAMPLES_PER_FRAME
from kdtalker_jax.synthetic.acoustics import record
from kdtalker_jax.synthetic.articulation import Mouth, articulate
from kdtalker_jax.synthetic.phonemes import IS_VOWEL, Track, silent_track
from kdtalker_jax.synthetic.speech import random_track, random_voice, synthesize
from kdtalker_jax.synthetic.state import FaceState

LARGEST = {"yaw": 28.0, "pitch": 20.0, "roll": 18.0}  # degrees, in performances
_SILENT, _LONG_PAUSES = 0.06, 0.10  # parts of all performances


class Performance(NamedTuple):
    """F frames, 25 a second, and their sound; frame i shows the moment i / 25 seconds."""

    states: FaceState  # (F,)
    waveform: np.ndarray  # (640 F,) float32, 16 kHz
    track: Track


def random_performance(seed: int | np.random.Generator, frames: int) -> Performance:
    """Someone who babbles for `frames` frames; now and then with long pauses, or without a word."""
    rng = np.random.default_rng(seed)
    voice = random_voice(rng)
    seconds = frames / FRAME_RATE
    kind = rng.uniform()
    if kind < _SILENT:
        track = silent_track(seconds)
    else:
        track = random_track(rng, voice, seconds, longest_pause=4.0 if kind < _SILENT + _LONG_PAUSES else 1.2)
    speech = synthesize(rng, voice, track, frames * SAMPLES_PER_FRAME)
    mouth = articulate(track, frames, voice.effort)
    spoken = IS_VOWEL[track.phoneme] & (track.stress > 0.7)
    return Performance(act(rng, mouth, track.start[spoken], track.stress[spoken]), record(rng, speech), track)


def random_states(rng: np.random.Generator, count: int) -> FaceState:
    """States without relation to each other, (count,), spread over all that heads can do: to train renderers."""
    speaking = rng.uniform(size=count) < 0.8
    rounding = np.where(rng.uniform(size=count) < 0.5, rng.uniform(0, 1, count), 0.0)
    width = np.where(rounding > 0, rng.uniform(-1, 0.3, count), rng.uniform(-0.5, 1, count))
    lids = np.where(rng.uniform(size=count) < 0.35, rng.uniform(0, 1, count), rng.uniform(0, 0.2, count))
    wink = np.where(rng.uniform(size=count) < 0.1, rng.uniform(-1, 1, count), rng.uniform(-0.04, 0.04, count))
    return _to_state(
        yaw=_spread(rng, count, 30),
        pitch=_spread(rng, count, 20),
        roll=_spread(rng, count, 20),
        x=_spread(rng, count, 0.15),
        y=_spread(rng, count, 0.15),
        size=1 + _spread(rng, count, 0.15),
        jaw=np.where(speaking, rng.uniform(0, 1, count), 0.0),
        lip_width=width,
        lip_rounding=rounding,
        lid_left=lids + wink,
        lid_right=lids,
        brows=_spread(rng, count, 1),
        gaze_x=_spread(rng, count, 1),
        gaze_y=_spread(rng, count, 1),
    )


def framed(rng: np.random.Generator, states: FaceState) -> FaceState:
    """The same as cameras frame faces: most as a portrait's cut does, some far away, near, or cut by the border."""
    wide = rng.uniform() < 0.25
    size = np.exp(rng.uniform(-0.35, 0.7) if wide else rng.normal(0.37, 0.09))
    reach = 0.3 if wide else 0.07
    x, y = rng.normal(0, reach, 2).clip(-2 * reach, 2 * reach)
    # The same steps of a camera's hand and of a head are larger in a face that is near.
    placed = states._replace(x=size * states.x + x, y=size * states.y + y, size=size * states.size)
    return FaceState(*(np.asarray(field, np.float32) for field in placed))


def act(rng: np.random.Generator, mouth: Mouth, accents: np.ndarray, strengths: np.ndarray) -> FaceState:
    """Give a mouth a head that moves and eyes that blink and look around: all smooth.

    Args:
        mouth: (F,) each.
        accents: (A,) seconds at which stressed syllables begin, in order.
        strengths: (A,) of these, about 1.

    Returns:
        (F,) each.
    """
    frames = len(mouth.jaw)
    lively = rng.uniform(0.6, 1.4)
    nods, raises = _gestures(rng, frames, accents, strengths)
    yaw = _wander(rng, frames, base=4.0, moving=6.0 * lively)
    pitch = _wander(rng, frames, base=2.5, moving=3.2 * lively) + lively * nods
    roll = _wander(rng, frames, base=1.8, moving=2.6 * lively)
    yaw, pitch, roll = (
        _soft_clip(angle, LARGEST[name]) for name, angle in zip(LARGEST, (yaw, pitch, roll), strict=True)
    )
    gaze_x, gaze_y = _gaze(rng, yaw, 30.0), _gaze(rng, pitch, -40.0)
    left, right = _lids(rng, frames, gaze_y)
    return _to_state(
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        x=_wander(rng, frames, base=0.03, moving=0.015) + 0.0012 * yaw,
        y=_wander(rng, frames, base=0.03, moving=0.012),
        size=1 + np.clip(_wander(rng, frames, base=0.03, moving=0.012), -0.1, 0.1),
        jaw=mouth.jaw,
        lip_width=mouth.lip_width,
        lip_rounding=mouth.lip_rounding,
        lid_left=left,
        lid_right=right,
        brows=_soft_clip(_wander(rng, frames, base=0.12, moving=0.1) + raises, 1.0),
        gaze_x=gaze_x,
        gaze_y=gaze_y,
    )


def _to_state(**fields: np.ndarray) -> FaceState:
    limits = {"jaw": (0, 1), "lip_width": (-1, 1), "lip_rounding": (0, 1), "lid_left": (0, 1), "lid_right": (0, 1)}
    limits |= {"brows": (-1, 1), "gaze_x": (-1, 1), "gaze_y": (-1, 1)}
    return FaceState(
        **{
            name: np.clip(value, *limits.get(name, (-np.inf, np.inf))).astype(np.float32)
            for name, value in fields.items()
        }
    )


def _spread(rng: np.random.Generator, count: int, largest: float) -> np.ndarray:
    """Between normal and even: often in the middle, the extremes seen too."""
    values = np.where(rng.uniform(size=count) < 0.5, rng.normal(0, 0.45, count), rng.uniform(-1, 1, count))
    return largest * np.clip(values, -1, 1)


def _smooth_noise(rng: np.random.Generator, frames: int, sigma: float) -> np.ndarray:
    """A stationary Gaussian process with a variance of 1 and a correlation that falls off within `sigma` frames."""
    margin = int(4 * sigma)
    noise = gaussian_filter1d(rng.normal(size=frames + 2 * margin), sigma)[margin : margin + frames]
    return noise * np.sqrt(2 * np.sqrt(np.pi) * sigma)


def _wander(rng: np.random.Generator, frames: int, base: float, moving: float) -> np.ndarray:
    """A random place (deviation `base`) and slow and faster movement about it (deviation `moving`): (F,)."""
    scales = ((40.0, 0.85), (16.0, 0.48), (7.0, 0.2))  # frames, part; squares add up to about 1
    return rng.normal(0, base) + moving * sum(part * _smooth_noise(rng, frames, sigma) for sigma, part in scales)


def _soft_clip(values: np.ndarray, largest: float) -> np.ndarray:
    """Bends only what is beyond 60 % of the limit, without a corner."""
    knee = 0.6 * largest
    beyond = np.maximum(np.abs(values) - knee, 0)
    return np.sign(values) * (np.minimum(np.abs(values), knee) + (largest - knee) * np.tanh(beyond / (largest - knee)))


def _bump(frames: int, middle: float, width: float) -> np.ndarray:
    """1 at `middle` seconds, 0 from `width` seconds away: (F,)."""
    distance = np.clip(np.abs(np.arange(frames) / FRAME_RATE - middle) / width, 0, 1)
    return 0.5 + 0.5 * np.cos(np.pi * distance)


def _gestures(
    rng: np.random.Generator, frames: int, accents: np.ndarray, strengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Nods in degrees of pitch and raised brows, with some of the accents: (F,), (F,)."""
    nods, raises = np.zeros(frames), np.zeros(frames)
    way = rng.choice([-1, 1], p=[0.75, 0.25])  # most people nod down
    last = -1.0
    for accent, strength in zip(accents, strengths, strict=True):
        if accent - last < 0.45 or rng.uniform() > 0.35 + 0.4 * (strength > 1.2):
            continue
        last = accent
        nods += way * rng.uniform(1, 4) * strength * _bump(frames, accent + 0.10, rng.uniform(0.22, 0.34))
        if rng.uniform() < 0.45:
            raises += rng.uniform(0.25, 0.6) * strength * _bump(frames, accent + 0.08, rng.uniform(0.24, 0.4))
    return nods, raises


def _gaze(rng: np.random.Generator, angle: np.ndarray, degrees: float) -> np.ndarray:
    """Looks into the camera mostly, against the turn of the head, with small saccades of two frames: (F,)."""
    frames = len(angle)
    jumps, now = np.zeros(frames), 0
    while now < frames:
        jumps[now:] = rng.normal(0, 0.1) if rng.uniform() < 0.8 else rng.normal(0, 0.3)
        now += int(rng.uniform(0.4, 2.5) * FRAME_RATE)
    return np.clip(-0.6 * angle / degrees + gaussian_filter1d(jumps, 0.8), -1, 1)


_BLINK = np.array([0, 0.5, 1.0, 1.0, 0.72, 0.38, 0.15, 0])  # by frame


def _lids(rng: np.random.Generator, frames: int, gaze_y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Blinks every 2 to 5 seconds; lids that follow the gaze: (F,), (F,)."""
    left, right = np.zeros(frames), np.zeros(frames)
    time = np.arange(frames)
    now = rng.uniform(0, 3.5)
    while now < frames / FRAME_RATE:
        speed, delay = rng.uniform(0.9, 1.3), rng.uniform(-0.25, 0.25)
        for lid, start in ((left, now * FRAME_RATE), (right, now * FRAME_RATE + delay)):
            shut = np.interp((time - start) * speed, np.arange(len(_BLINK)), _BLINK, left=0, right=0)
            np.maximum(lid, shut, out=lid)
        now += rng.uniform(2, 5)
    rest = np.clip(rng.uniform(0.02, 0.16) + 0.15 * gaze_y + 0.01 * _smooth_noise(rng, frames, 12), 0, 0.35)
    return rest + (1 - rest) * left, rest + (1 - rest) * right
