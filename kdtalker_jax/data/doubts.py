"""What makes the numbers of a clip mean something else than they seem to: a sentence each, None where nothing does."""

import numpy as np

from kdtalker_jax.media.rates import FRAME_RATE

QUIET = 1e-2  # peak, -40 dB
SLOWEST = 20.0  # frames a second that still look like motion at 25
SMALLEST_FACE = 1 / 3  # of the picture's shorter side; the box of a face that was cut out is 0.39 to 0.73 of it
SAME_ASPECT = 0.02  # relative difference up to which two pictures have one shape
_FEW, _PART = 2, 0.02  # frames, and part of them, by which two lengths may differ


def same_length(frames: int, others: int) -> bool:
    """Whether two numbers of frames differ by no more than containers and rounding make them."""
    return abs(frames - others) <= max(_FEW, _PART * max(frames, others))


def of_lengths(frames: int, sounding: int) -> str | None:
    """Of a clip's frames of pictures and of sound."""
    if same_length(frames, sounding):
        return None
    seconds = abs(frames - sounding) / FRAME_RATE
    if sounding < frames:
        return f"The sound ends {seconds:.1f} s before the pictures: the rest of them goes with nothing."
    return f"The pictures end {seconds:.1f} s before the sound: the rest of it goes with nothing."


def of_sound(waveform: np.ndarray) -> str | None:
    """Of a waveform (samples,)."""
    peak = float(np.abs(waveform).max())
    if peak >= QUIET:
        return None
    level = f"its peak is at {20 * np.log10(peak):.0f} dB" if peak else "there is nothing to hear"
    return f"The sound is very quiet ({level}): make it louder, or leave the video out."


def of_rate(rate: float) -> str | None:
    """Of the frames a second that a file has."""
    if rate >= SLOWEST:
        return None
    return f"The video has {rate:.3g} frames a second: at {FRAME_RATE}, pictures come twice and motion goes in steps."


def of_cut(share: float | None, height: int, width: int) -> str | None:
    """Of pictures that are taken for cut to the face; `share` is `tracking.face_share` of them."""
    if abs(width / height - 1) > SAME_ASPECT:
        return f"The pictures are no squares cut to the face ({width}x{height}): leave out already_cut."
    if share is not None and share < SMALLEST_FACE:
        return f"The face fills {share:.0%} of the picture, which is not cut to it: leave out already_cut."
    return None
