"""Recordings in: any audio file, or the audio of any video file, becomes a 16 kHz mono waveform.

Files are decoded, mixed and resampled block by block; only the result is held in memory.
"""

import math
import os
import struct
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr

from kdtalker_jax.errors import InputError, NoSoundError
from kdtalker_jax.media.ffmpeg import READ_STDIN, FFmpeg
from kdtalker_jax.media.files import input_file, looks_like_picture, looks_like_recording

SAMPLE_RATE = 16_000  # samples per second of every waveform in this package
FRAME_RATE = 25  # video frames per second
SAMPLES_PER_FRAME = SAMPLE_RATE // FRAME_RATE

NO_AUDIO_STREAM = "{} has no audio stream; choose a recording with sound."

_BLOCK = 1 << 16  # samples decoded at a time
_LOWEST_RATE, _HIGHEST_RATE = 1_000, 1_000_000  # beyond is nonsense; from 1 Hz the result would fill the memory
_AU_HEADER = struct.Struct(">4sIIIII")  # magic, offset of the samples, size, encoding, rate, channels


def load_waveform(path: str | os.PathLike[str]) -> np.ndarray:
    """Decode a recording to 16 kHz mono, equal to `librosa.load(path, sr=16000, mono=True)`.

    Args:
        path: an audio file, or a video file with sound (its first audio stream), whatever its extension.

    Returns:
        float32 waveform of shape (samples,), full scale +-1.

    Raises:
        NoSoundError: there is no audio stream in it.
        InputError: the file is missing, empty, not a recording, damaged, or shorter than one video frame.
    """
    path = input_file(path, "recording")
    if looks_like_picture(path):
        raise InputError(f"{path} is a picture, not a recording; the picture and the recording seem to be swapped.")
    try:  # through a descriptor, because libsndfile would believe a name's extension
        with path.open("rb") as file, soundfile.SoundFile(file.fileno(), closefd=False) as sound:
            if sound.frames:
                return _mono_16k(sound.samplerate, _read_blocks(sound), f"The recording {path}")
    except soundfile.SoundFileError:
        pass  # a format that only ffmpeg reads, or damage that it may mend
    return _load_with_ffmpeg(path)


def resample_waveform(waveform: np.ndarray, rate: int) -> np.ndarray:
    """Bring a waveform that is already in memory to 16 kHz mono, as `load_waveform` does for files.

    Args:
        waveform: shape (samples,) or (samples, channels); floats of full scale +-1, or integers, which are divided by
            the full scale of their type (uint8 is centred on 128, as in wav files).
        rate: its samples per second.

    Returns:
        float32 waveform of shape (samples,).

    Raises:
        InputError: wrong shape or type, impossible rate, values that are not finite, or less than one video frame.
    """
    waveform = np.asarray(waveform)
    if waveform.ndim == 2 and not 1 <= waveform.shape[1] <= max(waveform.shape[0], 1):
        raise InputError(f"A waveform must have shape (samples, channels); {waveform.shape} looks transposed.")
    return _mono_16k(rate, _float_blocks(waveform), "The waveform")


def resample_chunks(chunks: Iterable[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    """`resample_waveform` of a recording that comes in pieces of any length, possibly none.

    Yields:
        float32 pieces of shape (n,), as soon as the resampler gives them; joined they are the waveform.
    """
    return _mono_16k_pieces(rate, (block for chunk in chunks for block in _float_blocks(chunk)), "The recording")


def num_frames(samples: int) -> int:
    """Video frames that a 16 kHz waveform of `samples` fills; the rest, less than 40 ms, is dropped."""
    return int(samples / SAMPLES_PER_FRAME)


def _mono_16k(rate: int, blocks: Iterable[np.ndarray], name: str) -> np.ndarray:
    """All of `_mono_16k_pieces` as one (samples,), without holding everything twice."""
    pieces = list(_mono_16k_pieces(rate, blocks, name))[::-1]
    waveform, start = np.empty(sum(map(len, pieces)), np.float32), 0
    while pieces:
        piece = pieces.pop()
        waveform[start : start + len(piece)] = piece
        start += len(piece)
    return waveform


def _mono_16k_pieces(rate: int, blocks: Iterable[np.ndarray], name: str) -> Iterator[np.ndarray]:
    """Mix blocks of shape (n, channels) to one channel and resample them; `name` begins the sentences of errors."""
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        raise InputError(f"{name} has an impossible rate of {rate} samples per second.")
    resampler = soxr.ResampleStream(rate, SAMPLE_RATE, num_channels=1, dtype="float32", quality="soxr_hq")
    samples, given = 0, 0  # before and after
    for block in blocks:
        mono = block.mean(axis=1, dtype=np.float32)  # (n,)
        if not np.isfinite(mono).all():
            raise InputError(f"{name} holds values that are not finite numbers; export it again.")
        samples += len(mono)
        piece = mono if rate == SAMPLE_RATE else resampler.resample_chunk(mono)
        given += len(piece)
        yield piece
    if samples == 0:
        raise InputError(f"{name} holds no sound at all: its length is zero.")

    length = math.ceil(samples * (SAMPLE_RATE / rate))  # librosa's rule; the resampler may round down
    if num_frames(length) == 0:
        raise InputError(f"{name} lasts {1000 * samples / rate:.1f} ms, less than one video frame (40 ms).")
    if rate != SAMPLE_RATE:
        rest = resampler.resample_chunk(np.zeros(0, np.float32), last=True)[: length - given]
        yield np.pad(rest, (0, length - given - len(rest)))


def _float_blocks(waveform: np.ndarray) -> Iterator[np.ndarray]:
    """Blocks of shape (n, channels), full scale +-1, of an array of any real type."""
    waveform = np.asarray(waveform)
    if waveform.ndim not in (1, 2) or waveform.dtype.kind not in "fiu":
        raise InputError(
            "A waveform must be an array of real numbers of shape (samples,) or (samples, channels); "
            f"this one is {waveform.dtype} of shape {waveform.shape}."
        )
    channels = waveform[:, None] if waveform.ndim == 1 else waveform  # (samples, channels)
    for start in range(0, len(channels), _BLOCK):
        yield _to_float(channels[start : start + _BLOCK])


def _to_float(block: np.ndarray) -> np.ndarray:
    """Scale integers to +-1; floats stay as they are."""
    if block.dtype.kind == "f":
        return block.astype(np.float32)
    full_scale = 1 << (8 * block.dtype.itemsize - 1)
    offset = full_scale if block.dtype.kind == "u" else 0
    return ((block.astype(np.float64) - offset) / full_scale).astype(np.float32)


def _read_blocks(sound: soundfile.SoundFile) -> Iterator[np.ndarray]:
    """Blocks of shape (n, channels), float32."""
    while len(block := sound.read(_BLOCK, dtype="float32", always_2d=True)):
        yield block


def _load_with_ffmpeg(path: Path) -> np.ndarray:
    """`load_waveform` through ffmpeg: for the formats of phones and videos, and for damage that ffmpeg mends.

    Samples arrive as a Sun AU stream, whose header tells rate and channels.
    """
    output = ("-map", "0:a:0", "-f", "au", "-c:a", "pcm_f32be", "pipe:1")
    with path.open("rb") as file, FFmpeg(*READ_STDIN, *output, stdin=file, stdout=subprocess.PIPE) as ffmpeg:
        header = ffmpeg.process.stdout.read(_AU_HEADER.size)
        if len(header) < _AU_HEADER.size:
            ffmpeg.finish()
            if ffmpeg.lacks_stream():
                raise NoSoundError(NO_AUDIO_STREAM.format(path))
            raise InputError(_why_not_a_recording(path))
        _, offset, _, _, rate, channels = _AU_HEADER.unpack(header)
        ffmpeg.process.stdout.read(offset - _AU_HEADER.size)  # a comment
        waveform = _mono_16k(rate, _read_floats(ffmpeg.process.stdout, channels), f"The recording {path}")
        if ffmpeg.finish():
            raise InputError(f"The recording {path} is damaged; save it again, for example as wav.")
        return waveform


def _read_floats(stream: BinaryIO, channels: int) -> Iterator[np.ndarray]:
    """Blocks of shape (n, channels) from a stream of big-endian floats."""
    while data := stream.read(4 * channels * _BLOCK):
        yield np.frombuffer(data, ">f4", count=len(data) // (4 * channels) * channels).reshape(-1, channels)


def _why_not_a_recording(path: Path) -> str:
    if looks_like_recording(path):
        return f"The recording {path} is damaged or holds no sound; save it again, for example as wav."
    return f"{path} is not a recording of a format that can be read; use wav, mp3, flac, ogg or m4a."
