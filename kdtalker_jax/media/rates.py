"""How many samples and frames a second has, for all that need not read recordings."""

from fractions import Fraction

SAMPLE_RATE = 16_000  # samples per second of every waveform in this package
FRAME_RATE = 25  # video frames per second
SAMPLES_PER_FRAME = SAMPLE_RATE // FRAME_RATE


def num_frames(samples: int) -> int:
    """Video frames that a 16 kHz waveform of `samples` fills; the rest, less than 40 ms, is dropped."""
    return int(samples / SAMPLES_PER_FRAME)


def exactly(rate: int | float | str | Fraction) -> Fraction:
    """Frames a second, exactly: 24000/1001 also of the float that is nearest to it. Errors are those of `Fraction`."""
    return Fraction(rate).limit_denominator(1_000_000)  # larger ones overflow where frames are counted
