"""Videos of people, cut to the face by a square that stays where it is."""

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kdtalker_jax.data.tracking import steady_square
from kdtalker_jax.errors import InputError, NoFaceError, NoSoundError
from kdtalker_jax.faces.crop import cut_square
from kdtalker_jax.faces.detector import FaceDetector
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.files import files_below
from kdtalker_jax.media.frames import read_frames, sound_start
from kdtalker_jax.media.rates import FRAME_RATE, SAMPLES_PER_FRAME

HALVES = ("a", "b", "all")
LOOK_EVERY, MOST_MISSING = 10, 0.5  # frames between looks for the face, and part of these that may be without it
SHORTEST = 10  # frames
SILENCE = 1e-3  # peak, -60 dB: nobody is heard


class Clip(NamedTuple):
    """Someone at 25 frames a second, or at a part of that."""

    name: str
    frames: np.ndarray  # (T, S, S, 3) uint8 RGB
    waveform: np.ndarray | None  # (640 T,) at 16 kHz, or `every` times that; None where nobody is heard
    every: int = 1  # how many frames the clip goes on from one of `frames` to the next


def half_of(name: str) -> str:
    """The half, "a" or "b", of a clip: by its name alone, so that it stays where it is when others come and go."""
    return "ab"[hashlib.sha256(name.encode()).digest()[0] % 2]


def read_clips(
    folder: Path, half: str, size: int, seconds: float, detector: FaceDetector, every: int = 1
) -> Iterator[Clip | str]:
    """Clips of the videos below a folder, by their names, or a sentence that says why one gives none.

    Args:
        half: one of `HALVES`.
        size: pixels of a cut's side.
        seconds: the most that is taken of each, from the beginning of its sound.
        every: keep every so many frames.

    Raises:
        InputError: there is no file for that half.
    """
    files = [path for path in files_below(folder) if half in (half_of(path.stem), "all")]
    if not files:
        raise InputError(f"There are no videos in {folder}{'' if half == 'all' else f' for half {half}'}.")
    for path in files:
        try:
            yield _read_clip(path, size, round(seconds * FRAME_RATE), detector, every)
        except NoFaceError as error:
            yield f"{path.name}: {error}"
        except InputError as error:
            yield str(error)


def _read_clip(path: Path, size: int, most: int, detector: FaceDetector, every: int) -> Clip:
    try:
        waveform, start = load_waveform(path), sound_start(path)
    except NoSoundError:
        waveform, start = None, 0.0
    if waveform is not None and np.abs(waveform).max() < SILENCE:
        waveform = None
    if waveform is not None:
        most = min(most, len(waveform) // SAMPLES_PER_FRAME)
    frames = partial(read_frames, path, start, most)
    square = steady_square(frames(), detector, LOOK_EVERY, MOST_MISSING)
    count, cuts = 0, []
    for frame in frames():
        if count % every == 0:
            cuts.append(cut_square(frame, square, size))
        count += 1
    if len(cuts) < SHORTEST:
        raise InputError(f"{path} has {len(cuts)} frames to look at; at least {SHORTEST} are needed.")
    sound = None if waveform is None else waveform[: count * SAMPLES_PER_FRAME]
    return Clip(path.stem, np.stack(cuts), sound, every)
