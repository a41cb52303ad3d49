"""The sounds of the synthetic world: how each is made, and what the mouth does for it."""

from typing import NamedTuple

import numpy as np


class Phoneme(NamedTuple):
    """One sound. Formants are those of a vocal tract of 17 cm; consonants have those that vowels bend towards."""

    symbol: str
    kind: str  # vowel, plosive, nasal, fricative, approximant or pause
    formants: tuple[float, float, float]  # Hz
    seconds: float  # typical length
    voicing: float  # dB below an open vowel
    noise: tuple[float, float, float] | None  # lowest and highest Hz, dB below an open vowel: of friction or the burst
    jaw: float  # targets, as in `state.FaceState`
    lip_width: float
    lip_rounding: float
    jaw_hold: float  # how firmly it keeps its targets against its neighbours' (dominance)
    lip_hold: float
    closure: float = 0.0  # 1: the lips touch, whatever the neighbours do


_MUTE = -90.0  # dB

# Formants follow Peterson and Barney (1952) and Klatt (1980); lips follow the dominances of Cohen and Massaro (1993).
_TABLE = (
    Phoneme("_", "pause", (500, 1500, 2500), 0.40, _MUTE, None, 0.0, 0.0, 0.0, 1.0, 0.5),
    Phoneme("a", "vowel", (760, 1250, 2550), 0.13, 0, None, 1.0, 0.1, 0.0, 1.0, 0.7),
    Phoneme("ʌ", "vowel", (640, 1180, 2500), 0.10, -1, None, 0.8, 0.0, 0.0, 0.9, 0.6),
    Phoneme("æ", "vowel", (690, 1700, 2450), 0.13, -1, None, 0.85, 0.45, 0.0, 1.0, 0.8),
    Phoneme("ɛ", "vowel", (550, 1820, 2500), 0.11, -2, None, 0.6, 0.45, 0.0, 0.9, 0.8),
    Phoneme("ə", "vowel", (500, 1450, 2500), 0.07, -4, None, 0.4, 0.0, 0.05, 0.5, 0.3),
    Phoneme("ɪ", "vowel", (400, 1980, 2560), 0.09, -4, None, 0.38, 0.55, 0.0, 0.8, 0.8),
    Phoneme("i", "vowel", (290, 2280, 3000), 0.12, -5, None, 0.3, 0.95, 0.0, 0.9, 1.1),
    Phoneme("ɔ", "vowel", (580, 880, 2450), 0.13, -1, None, 0.75, -0.4, 0.55, 1.0, 0.9),
    Phoneme("o", "vowel", (440, 800, 2350), 0.13, -3, None, 0.5, -0.6, 0.8, 0.9, 1.1),
    Phoneme("ʊ", "vowel", (420, 1050, 2300), 0.09, -4, None, 0.33, -0.5, 0.65, 0.8, 0.9),
    Phoneme("u", "vowel", (310, 800, 2250), 0.12, -5, None, 0.25, -0.8, 1.0, 0.9, 1.3),
    Phoneme("y", "vowel", (280, 1850, 2200), 0.12, -5, None, 0.25, -0.65, 0.95, 0.9, 1.2),
    Phoneme("p", "plosive", (350, 850, 2200), 0.095, _MUTE, (300, 1500, -14), 0.0, 0.0, 0.05, 1.0, 0.15, 1.0),
    Phoneme("b", "plosive", (300, 850, 2200), 0.085, -20, (300, 1200, -20), 0.0, 0.0, 0.05, 1.0, 0.15, 1.0),
    Phoneme("m", "nasal", (280, 1000, 2200), 0.085, -9, None, 0.0, 0.0, 0.05, 1.0, 0.15, 1.0),
    Phoneme("t", "plosive", (350, 1780, 2650), 0.085, _MUTE, (3000, 7200, -12), 0.15, 0.1, 0.0, 0.7, 0.2),
    Phoneme("d", "plosive", (300, 1750, 2650), 0.065, -20, (2700, 6500, -18), 0.18, 0.1, 0.0, 0.6, 0.2),
    Phoneme("n", "nasal", (280, 1680, 2600), 0.070, -9, None, 0.2, 0.1, 0.0, 0.5, 0.2),
    Phoneme("k", "plosive", (330, 1900, 2300), 0.090, _MUTE, (1300, 3200, -13), 0.3, 0.0, 0.0, 0.35, 0.12),
    Phoneme("g", "plosive", (300, 1850, 2300), 0.075, -20, (1200, 3000, -18), 0.3, 0.0, 0.0, 0.35, 0.12),
    Phoneme("s", "fricative", (330, 1700, 2600), 0.105, _MUTE, (4300, 7600, -11), 0.12, 0.3, 0.0, 0.9, 0.4),
    Phoneme("z", "fricative", (300, 1700, 2600), 0.080, -13, (4300, 7600, -17), 0.13, 0.3, 0.0, 0.8, 0.4),
    Phoneme("ʃ", "fricative", (330, 1800, 2400), 0.110, _MUTE, (2000, 5200, -9), 0.16, -0.3, 0.6, 0.9, 1.0),
    Phoneme("f", "fricative", (340, 1100, 2200), 0.100, _MUTE, (1200, 7600, -24), 0.08, 0.1, 0.0, 1.0, 0.4, 0.85),
    Phoneme("v", "fricative", (300, 1100, 2200), 0.070, -12, (1200, 7600, -28), 0.08, 0.1, 0.0, 1.0, 0.4, 0.85),
    Phoneme("h", "fricative", (500, 1500, 2500), 0.060, _MUTE, (500, 4000, -26), 0.4, 0.0, 0.0, 0.1, 0.05),
    Phoneme("l", "approximant", (360, 1150, 2700), 0.065, -7, None, 0.3, 0.1, 0.0, 0.4, 0.2),
    Phoneme("r", "approximant", (340, 1150, 1650), 0.070, -7, None, 0.25, -0.25, 0.4, 0.5, 0.6),
    Phoneme("w", "approximant", (300, 640, 2150), 0.075, -8, None, 0.12, -0.85, 1.0, 0.9, 1.3),
    Phoneme("j", "approximant", (270, 2250, 3000), 0.060, -8, None, 0.22, 0.8, 0.0, 0.5, 0.7),
)

PHONEMES: tuple[Phoneme, ...] = _TABLE
INDEX = {phoneme.symbol: number for number, phoneme in enumerate(PHONEMES)}
PAUSE = INDEX["_"]


def column(field: str) -> np.ndarray:
    """One field of all phonemes as an array with the order of `PHONEMES`."""
    return np.array([getattr(phoneme, field) for phoneme in PHONEMES])


IS_VOWEL = column("kind") == "vowel"


class Track(NamedTuple):
    """What is said and when: (N,) each, without gaps or overlaps."""

    phoneme: np.ndarray  # int32, numbers in `PHONEMES`
    start: np.ndarray  # float32, seconds
    end: np.ndarray
    stress: np.ndarray  # float32: 0 none, about 1 in the stressed syllable of a word, more under an accent of pitch


def empty_track() -> Track:
    """Nothing is known to be said, as in recordings."""
    return Track(np.zeros(0, np.int32), *(np.zeros(0, np.float32) for _ in range(3)))


def silent_track(seconds: float) -> Track:
    """Nobody speaks."""
    return Track(np.full(1, PAUSE, np.int32), *(np.full(1, value, np.float32) for value in (0, seconds, 0)))
