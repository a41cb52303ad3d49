"""Recordings in: any audio file, or the audio of any video file, becomes a 16 kHz mono waveform.

Files are decoded, mixed and resampled block by block; only the result is held in memory.
"""

import math
import os
import re
import struct
import subprocess
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from kdtalker_jax.errors import InputError, NoSoundError
from kdtalker_jax.media.ffmpeg import READ_STDIN, FFmpeg
from kdtalker_jax.media.files import input_file, looks_like_picture, looks_like_recording
from kdtalker_jax.media.mixing import Mixer, check_values, mix_as_it_comes, warn_of_cancelling
from kdtalker_jax.media.rates import SAMPLE_RATE, num_frames
from kdtalker_jax.media.sound import find_sound

if TYPE_CHECKING:
    import soundfile

NO_AUDIO_STREAM = "{} has no audio stream; choose a recording with sound."

_BLOCK = 1 << 16  # samples decoded at a time
_LOWEST_RATE, _HIGHEST_RATE = 1_000, 1_000_000  # beyond is nonsense; from 1 Hz the result would fill the memory
_FEW_CHANNELS = 8  # of 7.1; a first piece of more than these must have more samples than channels
_SAMPLE_BYTES = {
    **dict.fromkeys(("PCM_S8", "PCM_U8", "ULAW", "ALAW"), 1),
    **{"PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8},
}
_PLAIN_STARTS = (
    b"RIFF",
    b"RF64",
    b"FORM",
    b".snd",
    b"caff",
)  # of formats that mostly hold plain samples; w64 is not read by its size
# What ffmpeg says of joined Ogg files, of which it then reads the first only.
_CHANGES = re.compile("(Channel|Sample rate) change is not supported|failed to create or replace stream")
_HOW_TO_SCALE = "convert it to int16, or to floats of full scale 1"
_AU_HEADER = struct.Struct(">4sIIIII")  # magic, offset of the samples, size, encoding, rate, channels


class _UnreadableError(InputError):
    """ffmpeg can make nothing of a file, or not all."""


def load_waveform(path: str | os.PathLike[str]) -> np.ndarray:
    """Decode a recording to 16 kHz mono, equal to `librosa.load(path, sr=16000, mono=True)`.

    All that is in the file is decoded, whatever length its header announces. Gaps of the file's clock, from packets
    that were lost or a recorder that paused, become silence. Where the mean of the channels would lose more than 20 dB
    because they cancel each other, the loudest is taken alone, with a warning.

    Args:
        path: an audio file, or a video file with sound, whatever its extension. Of several audio streams, the first
            that is marked as default, or else the first.

    Returns:
        float32 waveform of shape (samples,), full scale +-1.

    Raises:
        NoSoundError: there is no audio stream in it.
        InputError: the file is missing, empty, not a recording, damaged, shorter than one video frame, or holds values
            that cannot be sound.
    """
    path = input_file(path, "recording")
    if looks_like_picture(path):
        raise InputError(f"{path} is a picture, not a recording; the picture and the recording seem to be swapped.")
    name, mixer = f"The recording {path}", Mixer()
    waveform = _decode(path, name, mixer)
    if mixer.cancels:
        warn_of_cancelling(name)
        waveform = _decode(path, name, Mixer(mixer.loudest))
    return waveform


def resample_waveform(waveform: np.ndarray, rate: int) -> np.ndarray:
    """Bring a waveform that is already in memory to 16 kHz mono, as `load_waveform` does for files.

    Args:
        waveform: shape (samples,) or (samples, channels); floats of full scale +-1, or integers of up to 32 bits, which
            are divided by the full scale of their type (uint8 is centred on 128, as in wav files).
        rate: its samples per second.

    Returns:
        float32 waveform of shape (samples,).

    Raises:
        InputError: wrong shape or type, impossible rate, values that are not finite, or less than one video frame.
    """
    waveform = np.asarray(waveform)
    if waveform.ndim == 2 and not 1 <= waveform.shape[1] <= max(waveform.shape[0], 1):
        raise _transposed(waveform)
    _check_scale(waveform)
    name, mixer = "The waveform", Mixer()
    result = _mono_16k(rate, _float_blocks(waveform), name, mixer)
    if mixer.cancels:
        warn_of_cancelling(name)
        result = _mono_16k(rate, _float_blocks(waveform), name, Mixer(mixer.loudest))
    return result


def resample_chunks(chunks: Iterable[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    """`resample_waveform` of a recording that comes in pieces of any length, possibly none.

    Of several channels, the first second is held back to see whether they cancel each other.

    Yields:
        float32 pieces of shape (n,), as soon as the resampler gives them; joined they are the waveform.

    Raises:
        InputError: as `resample_waveform`; also where a piece has other channels than those before.
    """
    name = "The recording"
    return _resampled(rate, mix_as_it_comes(_checked(_chunk_blocks(chunks), name), rate, name), name)


def _mono_16k(rate: int, blocks: Iterable[np.ndarray], name: str, mixer: Mixer) -> np.ndarray:
    """Blocks of shape (n, channels) as one waveform (samples,), in a buffer that grows where it is."""
    waveform = bytearray()
    for piece in _resampled(rate, map(mixer, _checked(blocks, name)), name):
        waveform += piece.tobytes()
    return np.frombuffer(waveform, np.float32)


def _checked(blocks: Iterable[np.ndarray], name: str) -> Iterator[np.ndarray]:
    for block in blocks:
        check_values(block, name)
        yield block


def _resampled(rate: int, blocks: Iterable[np.ndarray], name: str) -> Iterator[np.ndarray]:
    """Resample blocks of shape (n,) to 16 kHz; `name` begins the sentences of errors."""
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        raise InputError(f"{name} has an impossible rate of {rate} samples per second.")
    import soxr  # here, and soundfile below: whoever renders a motion need not have what reads sounds

    resampler = soxr.ResampleStream(rate, SAMPLE_RATE, num_channels=1, dtype="float32", quality="soxr_hq")
    samples, given = 0, 0  # before and after
    for mono in blocks:
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


def _chunk_blocks(chunks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Blocks of shape (n, channels) of pieces that come one by one and all have the same channels."""
    channels = None
    for chunk in map(np.asarray, chunks):
        if chunk.ndim == 2 and chunk.size == 0 and chunk.shape[0]:
            raise _transposed(chunk)
        for block in _float_blocks(chunk):
            if channels is None and block.shape[1] > max(len(block), _FEW_CHANNELS):
                raise _transposed(chunk)
            channels = channels or block.shape[1]
            if block.shape[1] != channels:
                raise InputError(
                    f"A piece of the recording has shape {chunk.shape}, but those before it had {channels} "
                    f"channel{'s' * (channels > 1)}; pieces must have shape (samples,) or (samples, channels)."
                )
            yield block


def _transposed(waveform: np.ndarray) -> InputError:
    return InputError(f"A waveform must have shape (samples, channels); {waveform.shape} looks transposed.")


def _float_blocks(waveform: np.ndarray) -> Iterator[np.ndarray]:
    """Blocks of shape (n, channels), full scale +-1, of an array of any real type."""
    waveform = np.asarray(waveform)
    if waveform.ndim not in (1, 2) or waveform.dtype.kind not in "fiu":
        raise InputError(
            "A waveform must be an array of real numbers of shape (samples,) or (samples, channels); "
            f"this one is {waveform.dtype} of shape {waveform.shape}."
        )
    if waveform.dtype.kind in "iu" and waveform.dtype.itemsize == 8:  # of no recorder, but of lists and of sums
        raise InputError(f"A waveform of {waveform.dtype} has no full scale that is known: {_HOW_TO_SCALE}.")
    channels = waveform[:, None] if waveform.ndim == 1 else waveform  # (samples, channels)
    for start in range(0, len(channels), _BLOCK):
        yield to_float(channels[start : start + _BLOCK])


def _check_scale(waveform: np.ndarray) -> None:
    """Raises InputError for a whole recording of 16 bits in an array of 32, which would be nearly silent."""
    if waveform.dtype.kind == "i" and waveform.dtype.itemsize == 4 and waveform.size:
        peak = max(int(waveform.max()), -int(waveform.min()))
        if 0 < peak <= 1 << 15:
            raise InputError(f"The waveform is int32, but its values are those of int16: {_HOW_TO_SCALE}.")


def to_float(block: np.ndarray) -> np.ndarray:
    """Scale integers to +-1; floats stay as they are."""
    if block.dtype.kind == "f":
        return block.astype(np.float32)
    full_scale = 1 << (8 * block.dtype.itemsize - 1)
    offset = full_scale if block.dtype.kind == "u" else 0
    return ((block.astype(np.float64) - offset) / full_scale).astype(np.float32)


def _decode(path: Path, name: str, mixer: Mixer) -> np.ndarray:
    """All of a recording as (samples,): through libsndfile where it is certain to reach the end, or else ffmpeg."""
    with path.open("rb", buffering=0) as file:  # what libsndfile sees of it is the descriptor's own position
        _warn_of_another(file, name)
        if os.pread(file.fileno(), 4, 0) in _PLAIN_STARTS:
            waveform = _decode_with_libsndfile(file, name, mixer, only_whole=True)
            if waveform is not None:
                return waveform
        try:
            return _decode_with_ffmpeg(path, name, mixer)
        except _UnreadableError:
            waveform = _decode_with_libsndfile(file, name, mixer)  # knows some formats that ffmpeg does not
            if waveform is None:
                raise
            return waveform


def _decode_with_libsndfile(file: BinaryIO, name: str, mixer: Mixer, only_whole: bool = False) -> np.ndarray | None:
    """`_decode` as far as the header says; None where it fails, or `only_whole` and that may not be all."""
    import soundfile

    file.seek(0)
    try:  # through a descriptor, because libsndfile would believe a name's extension
        with soundfile.SoundFile(file.fileno(), closefd=False) as sound:
            if sound.frames and (not only_whole or _is_whole(sound, file)):
                return _mono_16k(sound.samplerate, _read_blocks(sound), name, mixer)
    except soundfile.SoundFileError:
        pass
    return None


def _is_whole(sound: "soundfile.SoundFile", file: BinaryIO) -> bool:
    """Whether plain samples fill the file to its end, so that the header's length is true and nothing follows."""
    if sound.subtype not in _SAMPLE_BYTES:
        return False
    sound.seek(0)  # libsndfile reads plain samples without a buffer of its own
    frame = sound.channels * _SAMPLE_BYTES[sound.subtype]
    end = os.lseek(file.fileno(), 0, os.SEEK_CUR) + sound.frames * frame
    return 0 <= os.fstat(file.fileno()).st_size - end < max(frame, 2)  # an incomplete frame, or padding


def _warn_of_another(file: BinaryIO, name: str) -> None:
    """One line where wav or aiff files were joined by their bytes: they end where they say, for every program."""
    start = os.pread(file.fileno(), 8, 0)
    order = {b"RIFF": "little", b"FORM": "big"}.get(start[:4])
    if order and os.pread(file.fileno(), 4, 8 + int.from_bytes(start[4:], order)) == start[:4]:
        warnings.warn(
            f"{name} is followed in its file by another, which is not heard; join them in an audio editor.",
            stacklevel=2,
        )


def _read_blocks(sound: "soundfile.SoundFile") -> Iterator[np.ndarray]:
    """Blocks of shape (n, channels), float32."""
    while len(block := sound.read(_BLOCK, dtype="float32", always_2d=True)):
        yield block


def _decode_with_ffmpeg(path: Path, name: str, mixer: Mixer) -> np.ndarray:
    """`_decode` for compressed formats, those of phones and videos, and for damage that ffmpeg mends.

    Samples arrive as a Sun AU stream, whose header tells rate and channels.
    """
    sound = find_sound(path)
    output = ("-map", f"0:{sound.stream}", "-af", sound.filters, "-f", "au", "-c:a", "pcm_f32be", "pipe:1")
    with path.open("rb") as file, FFmpeg(*READ_STDIN, *output, stdin=file, stdout=subprocess.PIPE) as ffmpeg:
        header = ffmpeg.process.stdout.read(_AU_HEADER.size)
        if len(header) < _AU_HEADER.size:
            ffmpeg.finish()
            if ffmpeg.lacks_stream():
                raise NoSoundError(NO_AUDIO_STREAM.format(path))
            raise _UnreadableError(_why_not_a_recording(path))
        _, offset, _, _, rate, channels = _AU_HEADER.unpack(header)
        ffmpeg.process.stdout.read(offset - _AU_HEADER.size)  # a comment
        waveform = _mono_16k(rate, _read_floats(ffmpeg.process.stdout, channels), name, mixer)
        if ffmpeg.finish():
            raise _UnreadableError(f"{name} is damaged; save it again, for example as wav.")
        if _CHANGES.search(ffmpeg.messages()):
            raise InputError(
                f"{name} changes its rate, channels or codec on the way; save it again, for example as wav."
            )
        return waveform


def _read_floats(stream: BinaryIO, channels: int) -> Iterator[np.ndarray]:
    """Blocks of shape (n, channels) from a stream of big-endian floats."""
    while data := stream.read(4 * channels * _BLOCK):
        yield np.frombuffer(data, ">f4", count=len(data) // (4 * channels) * channels).reshape(-1, channels)


def _why_not_a_recording(path: Path) -> str:
    if looks_like_recording(path):
        return f"The recording {path} is damaged or holds no sound; save it again, for example as wav."
    return f"{path} is not a recording of a format that can be read; use wav, mp3, flac, ogg or m4a."
