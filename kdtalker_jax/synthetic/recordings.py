"""Real speech drives the synthetic world too: a mouth for any recording, by its loudness and its formants."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from kdtalker_jax.media.rates import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME, num_frames
from kdtalker_jax.synthetic.articulation import Mouth
from kdtalker_jax.synthetic.performance import Performance, act
from kdtalker_jax.synthetic.phonemes import empty_track

_HOP = 160  # samples (10 ms) between looks
_WINDOW = 400  # samples (25 ms) of each
_VOICE = (100, 1000)  # Hz: vowels are loud here, fricatives and most noises are not
_FIRST, _SECOND = (250, 1000), (900, 2800)  # Hz: where first and second formants are
_LEAST_RANGE = 14.0  # dB between noise and speech; less is taken for noise alone
_SHUT = 0.35  # part of that range in which the mouth stays shut


def mouth_from_recording(waveform: np.ndarray) -> Mouth:
    """What a mouth might do to make this sound: closed in pauses, open when it is loud, round or spread by its vowels.

    Loudness is measured between the recording's own noise and its own loud syllables, vowels against its own mean.

    Args:
        waveform: (samples,) float, 16 kHz, at least one frame.

    Returns:
        (F,) each, F whole frames; frame i is the moment i / 25 seconds.
    """
    frames = num_frames(len(waveform))
    power, frequencies = _power(waveform)  # (looks, bins)
    loudness = 10 * np.log10(_band(power, frequencies, _VOICE).sum(axis=1) + 1e-9)  # dB, (looks,)
    loudness = gaussian_filter1d(loudness, 1.5)
    noise, loud = np.percentile(loudness, 5), np.percentile(loudness, 95)
    noise = max(noise, loud - 40)  # absolute silence between the words tells nothing about speech
    if loud - noise < _LEAST_RANGE:
        return Mouth(*(np.zeros(frames, np.float32) for _ in Mouth._fields))
    level = np.clip((loudness - noise) / (loud - noise), 0, 1.1)  # (looks,)
    speaking = np.clip((level - _SHUT) / (1 - _SHUT), 0, 1)

    height = _cue(power, frequencies, _FIRST, speaking)  # of the first formant: low in closed vowels
    place = _cue(power, frequencies, _SECOND, speaking)  # of the second: low in round ones, high in spread ones
    jaw = speaking**1.2 * np.clip(0.62 + 0.35 * height, 0.15, 1)
    clear = np.minimum(1, 2.5 * speaking)  # vowels tell only while they are heard
    rounding = clear * np.clip(-0.55 * place - 0.35 * height, 0, 1)
    width = clear * np.clip(0.5 * place - 0.2 * height, -0.85, 0.95)
    return Mouth(*(_at_frames(values, frames, sigma) for values, sigma in ((jaw, 2.0), (width, 4.0), (rounding, 4.0))))


def performance_from_recording(waveform: np.ndarray, rng: np.random.Generator) -> Performance:
    """Someone whose mouth follows a recording (samples,); what is said is not known. Whole frames are kept."""
    mouth = mouth_from_recording(waveform)
    frames = len(mouth.jaw)
    accents, strengths = _loud_syllables(mouth.jaw)
    sound = np.asarray(waveform[: frames * SAMPLES_PER_FRAME], np.float32)
    return Performance(act(rng, mouth, accents, strengths), sound, empty_track())


def _power(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spectra centred on 0, 10, 20 ... ms: (looks, 201), and the Hz of their bins."""
    padded = np.pad(np.asarray(waveform, np.float64), (_WINDOW // 2, _WINDOW))
    looks = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(looks * np.hanning(_WINDOW))) ** 2 / _WINDOW
    return power, np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)


def _band(power: np.ndarray, frequencies: np.ndarray, limits: tuple[int, int]) -> np.ndarray:
    return power[:, (frequencies >= limits[0]) & (frequencies <= limits[1])]


def _cue(power: np.ndarray, frequencies: np.ndarray, limits: tuple[int, int], speaking: np.ndarray) -> np.ndarray:
    """Where in a band the sound is, in deviations from this recording's mean: (looks,), within about +-2."""
    within = frequencies[(frequencies >= limits[0]) & (frequencies <= limits[1])]
    strength = _band(power, frequencies, limits) ** 0.5 + 1e-9
    centre = np.log(strength @ within / strength.sum(axis=1))  # (looks,)
    centre = gaussian_filter1d(centre * (speaking + 1e-3), 2.5) / gaussian_filter1d(speaking + 1e-3, 2.5)
    mean = np.average(centre, weights=speaking)
    deviation = np.sqrt(np.average((centre - mean) ** 2, weights=speaking)) + 1e-3
    return np.clip((centre - mean) / deviation, -2.2, 2.2)


def _at_frames(values: np.ndarray, frames: int, sigma: float) -> np.ndarray:
    """Looks (every 10 ms) -> (F,) at times i / 25, smoothed by so many looks."""
    smooth = gaussian_filter1d(values, sigma)
    return smooth[:: SAMPLES_PER_FRAME // _HOP][:frames].astype(np.float32)


def _loud_syllables(jaw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Peaks of the mouth's opening that stand out: seconds (A,) and strengths (A,), about 1."""
    middle = jaw[1:-1]
    peaks = 1 + np.flatnonzero((middle > jaw[:-2]) & (middle >= jaw[2:]) & (middle > 0.5))
    return peaks / FRAME_RATE - 0.06, 0.6 + 0.8 * jaw[peaks]
