"""What happens to a recording on its way: music below it, a telephone, a codec. Sound and mouth stay in step."""

import tempfile
from pathlib import Path

import numpy as np
from scipy import signal

from kdtalker_jax.errors import KDTalkerError
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.ffmpeg import FFmpeg
from kdtalker_jax.media.rates import SAMPLE_RATE

_MUSIC, _TELEPHONE, _CODEC = 0.25, 0.15, 0.35  # parts of the recordings
# Codec, container, kilobits a second.
_CODECS = (
    ("libmp3lame", "mp3", (24, 32, 48, 64)),
    ("aac", "m4a", (24, 32, 48, 64)),
    ("libopus", "ogg", (8, 12, 16, 24, 32)),
)
_LATEST = 0.1  # seconds: no codec is later


def transmit(rng: np.random.Generator, recording: np.ndarray) -> np.ndarray:
    """float32 (samples,) -> the same, as it may reach a listener."""
    with_music, by_telephone, coded = rng.uniform(size=3) < (_MUSIC, _TELEPHONE, _CODEC)
    sound = recording
    if with_music:
        level = max(np.sqrt(np.mean(np.square(sound))), 0.01) * 10 ** (rng.uniform(-28, -10) / 20)
        sound = sound + level * random_music(rng, len(sound))
    if by_telephone:
        sound = telephone(sound)
    sound = (sound / max(1.0, 1.02 * np.abs(sound).max())).astype(np.float32)
    return encoded(sound, *_random_codec(rng)) if coded else sound


def random_music(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Chords of plucked or held tones with a beat: (samples,), RMS of 1."""
    time = np.arange(samples) / SAMPLE_RATE
    beat, root, held = rng.uniform(0.25, 0.7), rng.uniform(80, 200), rng.uniform(0.1, 2.0)  # seconds, Hz, seconds
    sound = np.zeros(samples)
    for start in np.arange(-rng.uniform(0, beat), samples / SAMPLE_RATE, beat):
        for semitones in rng.choice([0, 3, 4, 7, 10, 12, 16, 19], size=3, replace=False):
            hertz = root * 2 ** (semitones / 12)
            since = time - start
            envelope = np.where(since > 0, np.exp(-since / held) * np.minimum(since / 0.01, 1), 0)
            tones = sum(np.sin(2 * np.pi * n * hertz * time) / n**1.5 for n in range(1, 6) if n * hertz < 7000)
            sound += envelope * tones
        struck = (time >= start) & (time < start + 0.05)
        sound[struck] += rng.uniform(0, 2) * rng.normal(size=int(struck.sum())) * np.linspace(1, 0, int(struck.sum()))
    return sound / (sound.std() + 1e-9)


def telephone(sound: np.ndarray) -> np.ndarray:
    """300 to 3400 Hz, 8,000 samples a second, companded to 8 bits (G.711's mu-law)."""
    band = signal.butter(4, [300, 3400], "bandpass", fs=SAMPLE_RATE, output="sos")
    narrow = signal.resample_poly(signal.sosfiltfilt(band, sound), 1, 2)
    scale = np.abs(narrow).max() + 1e-9
    companded = np.sign(narrow) * np.log1p(255 * np.abs(narrow) / scale) / np.log(256)
    companded = np.round(companded * 127) / 127
    expanded = np.sign(companded) * np.expm1(np.abs(companded) * np.log(256)) / 255 * scale
    return signal.resample_poly(expanded, 2, 1)[: len(sound)]


def encoded(sound: np.ndarray, codec: str, container: str, kilobits: int) -> np.ndarray:
    """(samples,) through a codec of ffmpeg, without the codec's delay.

    Raises:
        KDTalkerError: this ffmpeg has no such codec.
    """
    with tempfile.TemporaryDirectory() as folder:
        given = ("-f", "f32le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", "raw", "-c:a", codec)
        Path(folder, "raw").write_bytes(np.asarray(sound, np.float32).tobytes())
        with FFmpeg(*given, "-b:a", f"{kilobits}k", f"coded.{container}", cwd=folder) as ffmpeg:
            if (problem := ffmpeg.finish()) is not None:
                raise KDTalkerError(f"ffmpeg cannot encode with {codec}: {problem}")
        heard = load_waveform(Path(folder, f"coded.{container}"))
    return _aligned(heard, sound)


def _random_codec(rng: np.random.Generator) -> tuple[str, str, int]:
    codec, container, rates = _CODECS[rng.integers(len(_CODECS))]
    return codec, container, int(rng.choice(rates))


def _aligned(heard: np.ndarray, sound: np.ndarray) -> np.ndarray:
    """As long as `sound`, and at the lag at which the two are most alike."""
    most, length = int(_LATEST * SAMPLE_RATE), len(sound)
    heard = np.pad(heard, (0, max(length - len(heard), 0)))[: length + most]
    alike = signal.correlate(heard, sound, mode="full", method="fft")  # lag -(length - 1) first
    lags = np.arange(len(alike)) - (length - 1)
    near = np.abs(lags) <= most
    lag = int(lags[near][np.argmax(alike[near])]) if alike[near].max() > 0 else 0
    shifted = heard[lag:] if lag > 0 else np.pad(heard, (-lag, 0))
    return np.pad(shifted, (0, max(length - len(shifted), 0)))[:length].astype(np.float32)
