"""What callers give as a recording -> 16 kHz waveforms, whole or in pieces."""

import contextlib
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from kdtalker_jax.checks import is_number
from kdtalker_jax.errors import InputError
from kdtalker_jax.media.audio import load_waveform, resample_chunks, resample_waveform, to_float
from kdtalker_jax.media.files import cannot_write
from kdtalker_jax.media.pace import warn_if_slow, watched
from kdtalker_jax.media.rates import SAMPLE_RATE
from kdtalker_jax.media.sound import check_channels
from kdtalker_jax.unfinished import unfinished_folder

SAMPLES_AT_A_TIME = 1 << 16

PathLike = str | os.PathLike[str]


def waveform_of(audio: PathLike | np.ndarray, rate: int | None) -> np.ndarray:
    """A path, or a waveform of any rate, as 16 kHz mono (samples,). Without a rate it is taken for 16 kHz, with a
    warning if it sounds like more. A file says its own rate: InputError where another is given beside it."""
    if isinstance(audio, (str, os.PathLike)):
        if rate is not None:
            raise InputError(f"`rate` is of a waveform: {audio} says its own, so leave it out.")
        return load_waveform(audio)
    _check_waveform(audio)
    waveform = resample_waveform(audio, _whole(rate))
    if rate is None:
        warn_if_slow(waveform)
    return waveform


def _check_waveform(audio: Any) -> None:
    """Raises InputError for what stands in place of a waveform by mistake, such as a pair with its rate."""
    parts = [np.ndim(part) for part in audio] if isinstance(audio, (tuple, list)) and len(audio) == 2 else [1]
    if 0 in parts and max(parts) > 0:
        raise InputError("The recording is a pair: give the waveform alone, and its samples a second as `rate`.")
    if not (isinstance(audio, (np.ndarray, list, tuple)) or hasattr(audio, "__array__")):
        raise InputError(f"The recording must be a path or a waveform, not {type(audio).__name__}.")


def _whole(rate: float | None) -> int:
    """Samples a second as an int, 16,000 where nothing is said. Raises InputError for what is no whole number."""
    if rate is None:
        return SAMPLE_RATE
    if not is_number(rate, -math.inf, math.inf) or rate != int(rate):
        raise InputError(f"`rate` must be a whole number of samples a second, not {rate!r}.")
    return int(rate)


@contextlib.contextmanager
def recording_file(
    audio: PathLike | np.ndarray | None, rate: int | None, output: PathLike
) -> Iterator[PathLike | None]:
    """A recording as a file, for the sound of a video: a waveform is written to one, for as long as the block lasts.

    Args:
        audio, rate: as of `waveform_of`, which has looked at them; or None.
        output: the video to be, whose folder is there: the file is in a hidden one beside it.

    Raises:
        InputError: more channels than a video's sound is mixed of. OutputError: the file cannot be written.
    """
    if audio is None or isinstance(audio, (str, os.PathLike)):
        yield audio
        return
    samples = to_float(np.asarray(audio))
    check_channels(samples[0].size, "The waveform")
    with unfinished_folder(Path(output)) as folder:
        path = folder / "sound.wav"
        try:
            soundfile.write(path, samples, _whole(rate), subtype="FLOAT")
        except (OSError, soundfile.SoundFileError) as error:  # such as of a full disk
            raise cannot_write(Path(output), error) from error
        yield path


def pieces_of(chunks: Iterable[np.ndarray], rate: int | None) -> Iterator[np.ndarray]:
    """Chunks of any rate as pieces (n,) of 16 kHz; the same without a rate."""
    pieces = resample_chunks(chunks, _whole(rate))
    return watched(pieces) if rate is None else pieces


def in_pieces(waveform: np.ndarray) -> Iterator[np.ndarray]:
    """A waveform (samples,) a part at a time."""
    return (waveform[i : i + SAMPLES_AT_A_TIME] for i in range(0, len(waveform), SAMPLES_AT_A_TIME))
