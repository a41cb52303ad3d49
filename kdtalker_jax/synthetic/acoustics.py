"""From clean speech to a recording: a room, a microphone, a level and background noise, all at random."""

import numpy as np
from scipy import signal

from kdtalker_jax.media.rates import SAMPLE_RATE


def record(rng: np.random.Generator, speech: np.ndarray) -> np.ndarray:
    """float32 (samples,) -> the same, as some microphone in some room would have it; sound and mouth stay in step.

    Silence is recorded too, with the noise that this microphone has.
    """
    heard = _microphone(rng, _room(rng, speech))
    level = 10 ** (rng.uniform(-23, -8) / 20)  # RMS of speech, full scale
    loudness = np.sqrt(np.mean(heard**2, where=np.abs(speech) > 0.01)) if np.abs(speech).max() > 0.01 else 0.1
    noise = _background(rng, len(speech)) * 10 ** (rng.uniform(-60, -30) / 20)
    noise *= rng.uniform() > 0.08  # some recordings are edited: silence is digital
    recording = level * (heard / loudness + noise)
    return (recording / max(1.0, 1.02 * np.abs(recording).max())).astype(np.float32)


def _room(rng: np.random.Generator, speech: np.ndarray) -> np.ndarray:
    """Direct sound, then a decaying tail that is 8 to 30 dB weaker."""
    decay = rng.uniform(0.08, 0.5)  # seconds for 60 dB
    time = np.arange(int(decay * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.normal(size=len(time)) * 10 ** (-3 * time / decay) * (time > rng.uniform(0.002, 0.01))
    tail *= 10 ** (rng.uniform(-30, -8) / 20) / np.sqrt((tail**2).sum())
    tail[0] = 1
    return signal.oaconvolve(speech, tail)[: len(speech)]


def _microphone(rng: np.random.Generator, sound: np.ndarray) -> np.ndarray:
    """A smooth random response of some dB, without delay; the lowest frequencies are cut, sometimes the highest too."""
    frequencies = np.fft.rfftfreq(2 * len(sound), 1 / SAMPLE_RATE)
    corners = np.array([0, 200, 500, 1000, 2000, 4000, 8000])  # Hz
    response = np.interp(frequencies, corners, rng.normal(0, 3, len(corners)))  # dB
    cut = 1 / (1 + (rng.uniform(20, 120) / np.maximum(frequencies, 1e-3)) ** 2)
    if rng.uniform() < 0.3:  # telephones, old recordings, compression
        cut /= 1 + (frequencies / rng.uniform(3500, 7500)) ** 12
    return np.fft.irfft(np.fft.rfft(sound, 2 * len(sound)) * cut * 10 ** (response / 20))[: len(sound)]


def _background(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Noise between white and brown with slow changes of level, sometimes with mains hum: (samples,), RMS of 1."""
    frequencies = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    spectrum = np.fft.rfft(rng.normal(size=samples)) * np.maximum(frequencies, 40) ** -rng.uniform(0, 1)
    noise = np.fft.irfft(spectrum, samples)
    time = np.arange(samples) / SAMPLE_RATE
    noise *= 1 + 0.3 * np.sin(2 * np.pi * (rng.uniform(0.1, 0.5) * time + rng.uniform()))
    noise /= noise.std()
    hum = np.sin(2 * np.pi * rng.choice([50, 60]) * np.outer([1, 2, 3], time) + rng.uniform(0, 6, (3, 1))).mean(axis=0)
    return noise + (rng.uniform() < 0.3) * rng.uniform(0, 1) * hum
