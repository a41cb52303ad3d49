"""Performances of people who read aloud with the voice of a program: other sounds than our own, with known mouths."""

import numpy as np

from kdtalker_jax.media.rates import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME
from kdtalker_jax.synthetic.acoustics import record
from kdtalker_jax.synthetic.articulation import articulate
from kdtalker_jax.synthetic.performance import Performance, act
from kdtalker_jax.synthetic.phonemes import IS_VOWEL, PAUSE, Track
from kdtalker_jax.synthetic.readers import Reader, Reading, ReadingError
from kdtalker_jax.synthetic.transmission import transmit

_TRIES = 5
_SHORTEST = 1e-3  # seconds of a sound
_LEVEL = 0.1  # RMS of speech, as of `speech.synthesize`
_PAUSED = 0.15  # seconds: such pauses may be made longer
_QUIET = 24.0  # dB below its loud vowels, in which a voice opens the mouth half as wide


def read_performance(rng: np.random.Generator, frames: int, readers: dict[str, Reader]) -> Performance:
    """Someone who reads aloud for `frames` frames.

    Args:
        readers: `readers.installed_readers()`, at least one.

    Raises:
        ReadingError: none of them reads anything.
    """
    seconds = frames / FRAME_RATE
    waveform, track = _spoken(rng, seconds, readers)
    speech = np.pad(waveform, (0, max(frames * SAMPLES_PER_FRAME - len(waveform), 0)))[: frames * SAMPLES_PER_FRAME]
    loud = _loudness(track, speech)  # (N,) dB
    track = track._replace(stress=np.clip(1 + loud / (_QUIET / 2), 0, 1.4) * (track.phoneme != PAUSE))
    mouth = articulate(track, frames, rng.uniform(0.85, 1.1) * np.clip(1 + loud / (2 * _QUIET), 0.5, 1.1))
    accented = IS_VOWEL[track.phoneme] & (track.stress > 0.8)
    states = act(rng, mouth, track.start[accented], track.stress[accented])
    return Performance(states, transmit(rng, record(rng, speech)), track)


def _spoken(rng: np.random.Generator, seconds: float, readers: dict[str, Reader]) -> tuple[np.ndarray, Track]:
    """Speech (samples,) at 16 kHz, and what is said: as long as asked for or longer, and just as long."""
    for last in (*[False] * (_TRIES - 1), True):
        read = list(readers.values())[rng.integers(len(readers))]
        try:
            reading = read(rng, seconds)
        except ReadingError:
            if last:
                raise
            continue
        break
    waveform, starts, ends = _at_our_rate(rng, reading)
    waveform, starts, ends = _with_pauses(rng, reading, waveform, starts, ends)
    return waveform, _track(reading, starts, ends, seconds)


def _at_our_rate(rng: np.random.Generator, reading: Reading) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Faster and higher or slower and lower by some per cent, which makes the vocal tract shorter or longer."""
    import soxr

    faster = rng.uniform(0.9, 1.12)
    waveform = soxr.resample(reading.waveform, reading.rate * faster, SAMPLE_RATE)
    waveform = waveform * (_LEVEL / (np.sqrt(np.mean(np.square(waveform))) + 1e-9))
    ends = np.append(reading.starts[1:], len(reading.waveform) / reading.rate)
    return waveform, reading.starts / faster, ends / faster


def _with_pauses(
    rng: np.random.Generator, reading: Reading, waveform: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A silence before all, and some pauses longer than programs make them."""
    starts, ends = starts.copy(), ends.copy()
    longer = [(0, rng.uniform(0.05, 0.4))]
    longer += [
        (number, min(rng.exponential(0.6), 3.0))
        for number, said in enumerate(reading.sounds)
        if number and not said and ends[number] - starts[number] > _PAUSED and rng.uniform() < 0.4
    ]
    pieces, taken, added = [], 0, 0.0
    for number, extra in longer:
        middle = int((0 if number == 0 else (starts[number] + ends[number]) / 2 - added) * SAMPLE_RATE)
        silence = np.zeros(round(extra * SAMPLE_RATE), waveform.dtype)
        pieces += [waveform[taken:middle], silence]
        taken, extra = middle, len(silence) / SAMPLE_RATE
        starts[number + 1 :] += extra
        ends[number:] += extra
        added += extra
    return np.concatenate([*pieces, waveform[taken:]]), starts, ends


def _track(reading: Reading, starts: np.ndarray, ends: np.ndarray, seconds: float) -> Track:
    """Phones as our sounds, those of diphthongs and affricates one after the other, cut where the performance ends.

    Nothing is stressed yet.
    """
    phoneme, start, end = [], [], []
    for said, begins, stops in zip(reading.sounds, starts, ends, strict=True):
        said = said or (PAUSE,)
        borders = np.linspace(begins, stops, len(said) + 1)
        phoneme += said
        start += borders[:-1].tolist()
        end += borders[1:].tolist()
    phoneme, start, end = np.array(phoneme, np.int32), np.array(start), np.array(end)
    kept = (start < seconds) & (np.minimum(end, seconds) > start + _SHORTEST)  # some programs name what takes no time
    phoneme, start, end = phoneme[kept], start[kept], np.minimum(end[kept], seconds)
    if end[-1] < seconds:
        phoneme, start, end = np.append(phoneme, PAUSE), np.append(start, end[-1]), np.append(end, seconds)
    return Track(phoneme, *(values.astype(np.float32) for values in (start, end, np.zeros(len(start)))))


def _loudness(track: Track, waveform: np.ndarray) -> np.ndarray:
    """How loud the vowels are about each sound, against the louder vowels of all: (N,) dB, mostly negative."""
    vowel = IS_VOWEL[track.phoneme]
    if not vowel.any():
        return np.zeros(len(vowel), np.float32)
    energy = np.append(0, np.cumsum(np.square(waveform, dtype=np.float64)))
    first, last = (
        (times[vowel] * SAMPLE_RATE).astype(int).clip(0, len(waveform)) for times in (track.start, track.end)
    )
    decibels = 10 * np.log10((energy[last] - energy[first]) / np.maximum(last - first, 1) + 1e-9)
    middle = (track.start + track.end) / 2
    return np.interp(middle, middle[vowel], decibels - np.percentile(decibels, 75)).astype(np.float32)
