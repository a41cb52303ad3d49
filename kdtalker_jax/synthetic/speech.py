"""Babble that sounds like speech: random syllables, spoken by a source-filter synthesiser.

After Fant's acoustic theory of speech production (1960) in the arrangement of Klatt (1980): a train of glottal pulses
(Rosenberg, 1971) and breath excite resonators in cascade; friction and bursts are shaped noise beside them.
"""

import itertools
from typing import NamedTuple

import numpy as np
from scipy import signal
from scipy.ndimage import gaussian_filter1d

from kdtalker_jax.media.rates import SAMPLE_RATE
from kdtalker_jax.synthetic.phonemes import INDEX, IS_VOWEL, PAUSE, PHONEMES, Track, column

_STEP = 40  # samples (2.5 ms) between changes
_STEPS_PER_SECOND = SAMPLE_RATE // _STEP
_RINGING = 14  # double steps (70 ms) until the vocal tract has rung out
_OVERSAMPLING = 4  # of glottal pulses, whose corners would alias

_HIGHER_FORMANTS = np.array([3500.0, 4500.0, 5600.0, 6700.0])  # of every sound
_BANDWIDTHS = np.array([80.0, 100.0, 140.0, 220.0, 350.0, 500.0, 800.0])  # Hz
_NASAL = 280.0  # Hz of the nose's resonance
_NASAL_ZERO = 480.0  # Hz that it takes away while the mouth is shut
_BURST = 0.012  # seconds


class Voice(NamedTuple):
    """Who speaks."""

    pitch: float  # Hz
    liveliness: float  # semitones of an accent
    tract: float  # factor on formants: 1 for a tract of 17 cm, higher for shorter ones
    breathiness: float  # 0 .. 1
    tilt: float  # 0 bright .. 1 soft
    open_quotient: float  # part of each cycle with the glottis open
    speed: float  # syllables a second
    effort: float  # how far the mouth opens, about 1


def random_voice(rng: np.random.Generator) -> Voice:
    """A man, woman or child: pitch and size of the tract go together, loosely."""
    height = rng.uniform()
    return Voice(
        pitch=float(90 * (260 / 90) ** np.clip(height + rng.normal(0, 0.08), 0, 1)),
        liveliness=rng.uniform(1.5, 5),
        tract=float(0.95 + 0.25 * height + rng.normal(0, 0.03)),
        breathiness=rng.uniform(0.03, 0.5) ** 1.5,
        tilt=rng.uniform(0.1, 0.9),
        open_quotient=rng.uniform(0.5, 0.75),
        speed=rng.uniform(3, 6),
        effort=rng.uniform(0.8, 1.1),
    )


_VOWELS = [[INDEX[vowel]] for vowel in "aʌæɛəɪiɔoʊuy"]
_DIPHTHONGS = [[INDEX[first], INDEX[second]] for first, second in ("aɪ", "aʊ", "ɔɪ", "ɛɪ", "oʊ")]
_NUCLEI = _VOWELS + _DIPHTHONGS
_NUCLEUS_WEIGHTS = np.array([3, 1.5, 1.5, 2, 3, 2, 2, 1.2, 1.5, 0.8, 1.5, 0.5, 1, 0.7, 0.4, 0.8, 0.8])
_ONSETS = ["", *"pbmtdnkgszʃfvhlrwj", "pr", "pl", "br", "bl", "tr", "kr", "fl", "st", "sp", "sk", "kw"]
_ONSET_WEIGHTS = np.array(
    [2.0, *(2, 2.5, 3, 2.5, 2.5, 2.5, 2.5, 1.5, 2, 1, 1.2, 1.8, 1.2, 1.5, 2, 1.8, 1.8, 1), *[0.3] * 11]
)
_CODAS = ["", *"pbmtdnkgszʃfvlr", "nt", "st", "mp", "nd"]
_CODA_WEIGHTS = np.array([18.0] + [1, 0.7, 1.8, 2, 1.2, 3.5, 1.5, 0.6, 2, 0.8, 0.5, 0.8, 0.5, 2, 1.5] + [0.4] * 4)


def random_track(rng: np.random.Generator, voice: Voice, seconds: float, longest_pause: float = 1.2) -> Track:
    """Syllables in words in phrases, with pauses between phrases, at the beginning and at the end.

    Args:
        longest_pause: in seconds; the shortest is 0.2.
    """
    sounds = [_Sound(PAUSE, min(rng.uniform(0.1, 0.5), seconds), 0.0)]
    left, last = seconds - sounds[0].seconds, rng.uniform(0.2, 0.45)  # what follows the last syllable
    while left > last + 0.3:
        for syllable in _random_phrase(rng, voice):
            length = sum(sound.seconds for sound in syllable)
            if length > left - last:
                break
            sounds += syllable
            left -= length
        pause = min(0.2 + (longest_pause - 0.2) * rng.uniform() ** 2.5, left)
        sounds.append(_Sound(PAUSE, pause, 0.0))
        left -= pause
    sounds[-1] = _Sound(PAUSE, sounds[-1].seconds + left, 0.0)
    ends = np.cumsum([sound.seconds for sound in sounds]).astype(np.float32)
    return Track(
        phoneme=np.array([sound.phoneme for sound in sounds], np.int32),
        start=np.concatenate([[0], ends[:-1]]).astype(np.float32),
        end=ends,
        stress=np.array([sound.stress for sound in sounds], np.float32),
    )


class _Sound(NamedTuple):
    phoneme: int
    seconds: float
    stress: float


def _random_phrase(rng: np.random.Generator, voice: Voice) -> list[list[_Sound]]:
    """Its syllables."""
    words = [int(rng.choice([1, 2, 3, 4], p=[0.4, 0.35, 0.18, 0.07])) for _ in range(rng.integers(2, 7))]
    accented = rng.integers(len(words))  # carries the phrase's accent of pitch
    phrase = []
    for number, syllables in enumerate(words):
        stressed = rng.integers(syllables)
        for syllable in range(syllables):
            stress = rng.uniform(0.8, 1.1) if syllable == stressed else rng.uniform(0, 0.3)
            if syllable == stressed and number == accented:
                stress += rng.uniform(0.3, 0.6)
            final = number == len(words) - 1 and syllable == syllables - 1
            phrase.append(_random_syllable(rng, voice, stress, final))
    return phrase


def _random_syllable(rng: np.random.Generator, voice: Voice, stress: float, final: bool) -> list[_Sound]:
    onset = [INDEX[symbol] for symbol in _pick(rng, _ONSETS, _ONSET_WEIGHTS)]
    nucleus = [INDEX["ə"]] if stress < 0.12 else _pick(rng, _NUCLEI, _NUCLEUS_WEIGHTS)
    coda = [INDEX[symbol] for symbol in _pick(rng, _CODAS, _CODA_WEIGHTS)]
    pace = 4.6 / voice.speed * rng.uniform(0.85, 1.15)
    sounds = []
    for phoneme in onset + nucleus + coda:
        seconds = PHONEMES[phoneme].seconds * pace
        if IS_VOWEL[phoneme]:
            seconds *= (0.75 if len(nucleus) > 1 else 1.05) + 0.35 * stress
            seconds *= 1.5 if final else 1
        elif len(onset) > 1:
            seconds *= 0.85
        shortest = 0.075 if PHONEMES[phoneme].closure == 1 else 0.035
        sounds.append(_Sound(phoneme, max(seconds, shortest), stress))
    return sounds


def _pick(rng: np.random.Generator, choices: list, weights: np.ndarray) -> list | str:
    return choices[rng.choice(len(choices), p=weights / weights.sum())]


def synthesize(rng: np.random.Generator, voice: Voice, track: Track, samples: int) -> np.ndarray:
    """Say it: float32 (samples,) at 16 kHz, as in a room without echo; open vowels have an RMS of about 0.1."""
    steps = -(-samples // _STEP)
    said = np.searchsorted(track.end, (np.arange(steps) + 0.5) / _STEPS_PER_SECOND)
    said = np.minimum(said, len(track.end) - 1)  # (steps,): which sound of the track
    loudness = 10 ** ((6 * (track.stress - 1) + 6 * (voice.effort - 1)) / 20)[said]  # (steps,)

    pitch = _pitch(rng, voice, track, said)  # (steps,) Hz
    voicing = _smooth(10 ** (_levels(track, "voicing") / 20)[said] * loudness, 0.010)  # (steps,)
    breath = _breath(track, said) * loudness  # (steps,)
    pulses = _glottal_pulses(rng, voice, _to_samples(pitch, samples))  # (samples,), RMS of 1
    noise = np.diff(rng.normal(size=samples + 1)) * 0.7  # (samples,)
    voiced = _to_samples(voicing, samples)
    source = voiced * (pulses + 0.35 * voice.breathiness * noise) + _to_samples(breath, samples) * noise
    tract = _vocal_tract(source, voice, track, said)  # (samples,)
    return (0.1 * (tract / _VOWEL_GAIN + _friction(rng, track, said, loudness, samples))).astype(np.float32)


_VOWEL_GAIN = 1.6  # of the cascade with an open vowel


def _levels(track: Track, field: str) -> np.ndarray:
    return column(field)[track.phoneme]  # (N,)


def _smooth(values: np.ndarray, seconds: float) -> np.ndarray:
    return gaussian_filter1d(values, seconds * _STEPS_PER_SECOND, axis=0, mode="nearest")


def _to_samples(values: np.ndarray, samples: int) -> np.ndarray:
    """(steps,) -> (samples,), without corners that would be heard."""
    return np.interp(np.arange(samples), np.arange(len(values)) * _STEP + _STEP / 2, values)


def _pitch(rng: np.random.Generator, voice: Voice, track: Track, said: np.ndarray) -> np.ndarray:
    """Declination within phrases, accents under stress, a fall or rise at the end, and some wandering: (steps,) Hz."""
    semitones = np.zeros(len(said))
    steps = np.searchsorted(said, np.arange(len(track.phoneme) + 1))  # (N + 1,): first step of each sound
    pauses = [*np.flatnonzero(track.phoneme == PAUSE), len(track.phoneme)]
    for before, after in itertools.pairwise(pauses):
        first, last = steps[before + 1], steps[after]
        if last > first:
            position = np.linspace(0, 1, last - first)
            ending = rng.choice([-3.0, 4.0], p=[0.75, 0.25]) * np.clip(position - 0.8, 0, 1) / 0.2
            semitones[first:last] = rng.uniform(1, 2.5) - rng.uniform(2, 5) * position + ending
    vowel = IS_VOWEL[track.phoneme]
    accents = np.where(vowel, np.maximum(track.stress - 0.4, 0) * voice.liveliness, 0)[said]
    wander = gaussian_filter1d(rng.normal(size=len(said)), 30) * np.sqrt(2 * 30 * np.sqrt(np.pi)) * 0.4
    return voice.pitch * 2 ** ((_smooth(semitones + accents, 0.045) + wander) / 12)


def _breath(track: Track, said: np.ndarray) -> np.ndarray:
    """Noise at the glottis: h, and after voiceless plosives: (steps,)."""
    kind = np.array([PHONEMES[phoneme].symbol for phoneme in track.phoneme])
    level = np.where(kind == "h", 0.25, 0.0)[said]
    released = np.isin(kind, ["p", "t", "k"])
    for start, end in zip(track.end[released] - _BURST, track.end[released] + 0.025, strict=True):
        level[int(start * _STEPS_PER_SECOND) : int(end * _STEPS_PER_SECOND)] = 0.15
    return _smooth(level, 0.006)


def _glottal_pulses(rng: np.random.Generator, voice: Voice, pitch: np.ndarray) -> np.ndarray:
    """Derivative of the glottal flow, with jitter, shimmer and spectral tilt: (samples,), RMS of about 1."""
    fine = np.repeat(pitch, _OVERSAMPLING)
    jitter = np.repeat(rng.normal(size=len(pitch) // 100 + 1), 100 * _OVERSAMPLING)[: len(fine)]
    phase = np.cumsum(fine * (1 + 0.012 * jitter)) / (SAMPLE_RATE * _OVERSAMPLING)
    cycle = phase.astype(int)
    shimmer = 1 + 0.06 * rng.normal(size=cycle[-1] + 1)
    position, peak = phase - cycle, 0.68 * voice.open_quotient
    closing = np.clip((position - peak) / (voice.open_quotient - peak), 0, 1)
    flow = np.where(position < peak, 0.5 - 0.5 * np.cos(np.pi * position / peak), np.cos(0.5 * np.pi * closing))
    flow = signal.resample_poly(flow * shimmer[cycle], 1, _OVERSAMPLING)
    pulses = np.diff(flow, prepend=0) * SAMPLE_RATE / voice.pitch
    pole = 0.05 + 0.55 * voice.tilt
    return signal.lfilter([1 - pole], [1, -pole], pulses) / 2.2


def _vocal_tract(source: np.ndarray, voice: Voice, track: Track, said: np.ndarray) -> np.ndarray:
    """Resonators in cascade, whose frequencies glide from sound to sound: (samples,).

    Short overlapping pieces of the source each pass a tract that does not move: one that changes while it rings clicks.
    """
    lowest = _smooth(np.log(column("formants"))[track.phoneme][said], 0.022)[::2]  # (pieces, 3)
    nasal = _smooth((_levels(track, "kind") == "nasal")[said].astype(float), 0.015)[::2, None]  # (pieces, 1)
    pieces = len(lowest)
    formants = voice.tract * np.concatenate([np.exp(lowest), np.tile(_HIGHER_FORMANTS, (pieces, 1))], axis=1)
    width = _BANDWIDTHS * (1 + 0.8 * nasal) * (1 + 0.5 * voice.breathiness)
    response = _resonances(np.minimum(formants, 7400), width).prod(axis=1)  # (pieces, bins)
    response *= (_resonances(_NASAL + 0 * nasal, 100) / _resonances(_NASAL + (_NASAL_ZERO - _NASAL) * nasal, 100))[:, 0]

    hop = 2 * _STEP
    padded = np.pad(source, (hop, hop * (pieces + 1) - len(source)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * hop)[: pieces * hop : hop]  # (pieces, 2 hop)
    rung = np.fft.irfft(np.fft.rfft(windows * signal.windows.hann(2 * hop, sym=False), _RINGING * hop) * response)
    blocks = np.zeros((pieces + _RINGING, hop))
    for block, part in enumerate(np.split(rung, _RINGING, axis=1)):
        blocks[block : block + pieces] += part
    return blocks.reshape(-1)[hop : hop + len(source)]


def _resonances(hertz: np.ndarray, bandwidth: np.ndarray | float) -> np.ndarray:
    """Frequency responses of two poles, 1 at 0 Hz: (pieces, n) -> (pieces, n, bins) complex."""
    radius = np.exp(-np.pi * np.asarray(bandwidth) / SAMPLE_RATE) * np.ones_like(hertz)
    first, second = -2 * radius * np.cos(2 * np.pi * hertz / SAMPLE_RATE), radius**2
    z = np.exp(-1j * np.linspace(0, np.pi, _RINGING * _STEP + 1))  # (bins,), its inverse
    return (1 + first + second)[..., None] / (1 + first[..., None] * z + second[..., None] * z**2)


def _friction(
    rng: np.random.Generator, track: Track, said: np.ndarray, loudness: np.ndarray, samples: int
) -> np.ndarray:
    """Noise of fricatives, and of plosives that are released: (samples,)."""
    result = np.zeros(samples)
    for number in np.unique(track.phoneme):
        phoneme = PHONEMES[number]
        if phoneme.noise is None:
            continue
        lowest, highest, level = phoneme.noise
        band = signal.butter(2, [lowest, highest], "bandpass", fs=SAMPLE_RATE, output="sos")
        noise = signal.sosfilt(band, rng.normal(size=samples)) / np.sqrt((highest - lowest) / (SAMPLE_RATE / 2))
        on = (track.phoneme == number)[said] & _is_noisy(phoneme.kind, track, said)
        edges = 0.004 if phoneme.kind == "plosive" else 0.012
        result += _to_samples(_smooth(on * loudness, edges), samples) * noise * 10 ** (level / 20)
    return result


def _is_noisy(kind: str, track: Track, said: np.ndarray) -> np.ndarray:
    """Fricatives are noisy throughout; plosives at their end."""
    left = track.end[said] - (np.arange(len(said)) + 0.5) / _STEPS_PER_SECOND
    return left <= (_BURST if kind == "plosive" else np.inf)
