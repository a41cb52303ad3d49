"""A model with random weights, a drawn portrait and a synthetic recording: the program runs before anything is at hand.

The model has small networks that were never trained, so what it renders is noise; everything around them is real.
"""

import cv2
import numpy as np
import soundfile

from configs.networks import SMALL
from kdtalker_jax.media.audio import SAMPLE_RATE
from kdtalker_jax.networks import NETWORKS
from kdtalker_jax.networks.folding import fold
from kdtalker_jax.networks.random import random_variables
from kdtalker_jax.portrait import PathLike, TalkingPortrait

SKIN, EYE, LIP, BACKGROUND = (224, 184, 160), (60, 50, 45), (176, 84, 84), (150, 170, 190)
SYLLABLES = (730, 1090), (270, 2290), (300, 870), (530, 1840)  # two formants each, in Hz: a, i, u, e


def random_model(dtype: str | None = None) -> TalkingPortrait:
    """The small networks with random weights."""
    params = {name: fold(random_variables(name, SMALL)) for name in NETWORKS}
    return TalkingPortrait(SMALL, params, dtype=dtype)


def drawn_portrait(size: int = 256) -> np.ndarray:
    """A plain face, already cut: uint8 (size, size, 3)."""
    image = np.full((size, size, 3), BACKGROUND, np.uint8)

    def ellipse(x: float, y: float, width: float, height: float, colour: tuple[int, int, int]) -> None:
        centre, axes = (round(x * size), round(y * size)), (round(width * size), round(height * size))
        cv2.ellipse(image, centre, axes, 0, 0, 360, colour, -1, cv2.LINE_AA)

    ellipse(0.5, 0.52, 0.3, 0.4, SKIN)
    for side in (-1, 1):
        ellipse(0.5 + 0.12 * side, 0.42, 0.05, 0.025, (255, 255, 255))
        ellipse(0.5 + 0.12 * side, 0.42, 0.02, 0.02, EYE)
    ellipse(0.5, 0.72, 0.1, 0.03, LIP)
    return image


def write_synthetic_speech(path: PathLike, seconds: float = 2.0) -> None:
    """A wav of vowels: pulses of a voice of 120 Hz through two formants, four syllables a second."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    harmonics = 120 * np.arange(1, 30)[:, None]  # (29, 1)
    syllable = (4 * time).astype(int) % len(SYLLABLES)  # (samples,)
    formants = np.array(SYLLABLES)[syllable].T  # (2, samples)
    gain = sum(np.exp(-(((harmonics - formant) / 150) ** 2)) for formant in formants)  # (29, samples)
    waveform = (gain * np.sin(2 * np.pi * harmonics * time)).sum(axis=0) * np.sin(4 * np.pi * time) ** 2
    soundfile.write(path, 0.5 * waveform / np.abs(waveform).max(), SAMPLE_RATE)
