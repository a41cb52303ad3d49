"""Does a waveform of unknown rate sound as slow as 44.1 or 48 kHz do when they are taken for 16?"""

import warnings
from collections.abc import Iterable, Iterator

import numpy as np

from kdtalker_jax.media.rates import SAMPLE_RATE

# Speech has more above 350 Hz than below when each frequency f counts f times: the halves part at 516 Hz or more in
# seven recordings of people, of songs and of voices that were computed, at 375 Hz or more in three seconds of any of
# them; played three times too slow, at 328 Hz or less in all, and at less than 350 in seven of eight pieces of 3 s.
_LOWEST_MIDDLE = 350.0
_ENOUGH = 2 * SAMPLE_RATE  # samples


def warn_if_slow(waveform: np.ndarray) -> None:
    """Say in one line that a waveform (samples,), taken for 16 kHz, sounds like one of a higher rate."""
    if sounds_slow(waveform):
        warnings.warn(
            "The waveform came without its rate and is taken for 16 kHz, but sounds several times too slow: "
            "give its rate, for example rate=48000.",
            stacklevel=2,
        )


def watched(pieces: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The pieces as they are; `warn_if_slow` of their first two seconds."""
    held, samples = [], 0
    for piece in pieces:
        if samples < _ENOUGH:
            held.append(piece)
            samples += len(piece)
            if samples >= _ENOUGH:
                warn_if_slow(np.concatenate(held))
                held = []
        yield piece


def sounds_slow(waveform: np.ndarray) -> bool:
    """Whether the middle of its spectrum lies lower than speech has it. Silence and short pieces are not judged."""
    if len(waveform) < _ENOUGH:
        return False
    from scipy.signal import welch  # takes a second

    frequencies, power = welch(waveform[: 60 * SAMPLE_RATE], SAMPLE_RATE, nperseg=1024)
    weighted = np.cumsum(frequencies * power)
    return bool(power.max() > 1e-12 and frequencies[np.searchsorted(weighted, weighted[-1] / 2)] < _LOWEST_MIDDLE)
