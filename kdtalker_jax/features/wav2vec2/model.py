"""Wav2Vec2 and HuBERT as `features.protocol.Features`: the last hidden state, one row for each video frame."""

import dataclasses
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from kdtalker_jax.choices import check_dtype
from kdtalker_jax.errors import InputError
from kdtalker_jax.features.protocol import FeatureSpec
from kdtalker_jax.features.wav2vec2.config import HearingConfig
from kdtalker_jax.features.wav2vec2.frames import (
    LONGEST,
    chunks,
    interpolated,
    num_conv_frames,
    per_row,
    positions,
    receptive_field,
)
from kdtalker_jax.features.wav2vec2.listener import Listener, open_listener
from kdtalker_jax.features.wav2vec2.network import Wav2Vec2
from kdtalker_jax.features.wav2vec2.parts import PARTS, WAV2VEC2
from kdtalker_jax.features.wav2vec2.statistics import Statistics
from kdtalker_jax.media.rates import FRAME_RATE, SAMPLES_PER_FRAME, num_frames
from kdtalker_jax.model_config import ModelConfig

LENGTHS = (50, 100, 200, 375, LONGEST)  # rows that programs are compiled for; what is shorter is filled up


class Heard(NamedTuple):
    """A stretch of a recording as the network takes it, filled up to one of a few lengths; B = 1."""

    waveform: np.ndarray  # (B, N), normalised
    statistics: np.ndarray  # (B, 2, C), of the first convolution
    frames: np.ndarray  # (B,) that count
    rows: np.ndarray  # (B,) that count
    lower: np.ndarray  # (B, R): the frame at or before each row
    fraction: np.ndarray  # (B, R): how far it is from there to the next one


class Wav2Vec2Features:
    """The network at the sizes of a model. `jit` exists so that tests can count traces."""

    parts = PARTS
    settings: Mapping[str, type] = {"hearing": HearingConfig}

    def __init__(self, config: ModelConfig, dtype: DTypeLike = jnp.float32, jit: Callable = jax.jit) -> None:
        self.config, self.hearing = config.wav2vec2, config.hearing
        self.gives = FeatureSpec(FRAME_RATE, self.config.width, lookahead=self.hearing.lookahead)
        self.network: Wav2Vec2 = WAV2VEC2.build(config, dtype=dtype)
        self._rows = jit(partial(rows_of, self.network, self.hearing.resample == "before"), static_argnames="size")

    @classmethod
    def load(
        cls,
        directory: Any,
        resample: str | None = None,
        *,
        align_corners: bool | None = None,
        dtype: str | None = None,
    ) -> Listener:
        """What `convert.wav2vec2` wrote, ready to hear: a function of waveforms.

        Args:
            directory: of the model, or of a whole system whose features these are.
            resample: "before" or "after" the transformer, see `HearingConfig`; None: as the model says.
            align_corners: which convention; None: as the model says, or the usual one of a given `resample`.
            dtype: "float32" or "bfloat16"; None: the first.

        Raises:
            InputError: there is no such way to resample, or dtype.
            CheckpointError: there is no such model, or it is damaged.
        """
        check_dtype(dtype)
        config, params = open_listener(directory, WAV2VEC2.name)
        asked = {"align_corners": align_corners}
        if resample is not None:
            if resample not in ("before", "after"):
                raise InputError(f'`resample` is "before" or "after" the transformer, not {resample!r}.')
            asked["resample"] = resample
        elif align_corners is None:
            asked = {}
        config = config.replace(hearing=dataclasses.replace(config.hearing, **asked))
        return Listener(cls(config, jnp.dtype(dtype or "float32")), jax.device_put(params))

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        sizes, hearing = config.wav2vec2, config.hearing
        if not len(sizes.conv_widths) == len(sizes.conv_kernels) == len(sizes.conv_strides) > 0:
            raise ValueError("conv_widths, conv_kernels and conv_strides of wav2vec2 are not of the same length")
        for name, parts in (("heads", sizes.heads), ("position_groups", sizes.position_groups)):
            if sizes.width % parts:
                raise ValueError(f"wav2vec2.width, {sizes.width}, cannot be divided by {name}, {parts}")
        if not 0 < sizes.epsilon < 1:
            raise ValueError(f"wav2vec2.epsilon is {sizes.epsilon}, not between 0 and 1")
        per_row(sizes)
        if receptive_field(sizes) > SAMPLES_PER_FRAME:
            raise ValueError(f"the convolutions of wav2vec2 see {receptive_field(sizes)} samples, more than a row has")
        for name in ("history", "lookahead"):
            if not 0 <= (seconds := getattr(hearing, name)) <= LONGEST / FRAME_RATE:
                raise ValueError(f"hearing.{name} is {seconds}, not from 0 to {LONGEST / FRAME_RATE:g} seconds")

    @classmethod
    def disagreement(cls, config: ModelConfig, names: Collection[str]) -> str | None:
        return None  # one part

    def hear(self, params: Mapping[str, Any], waveform: np.ndarray) -> np.ndarray:
        """All rows (T, width) of a 16 kHz waveform (samples,), T = samples // 640.

        Up to 30 s are heard as one. Of what is longer, stretches of 30 s that overlap by 10 s; mean, variance and the
        places of rows are those of the whole.

        Raises:
            InputError: it is no waveform, or shorter than a row.
        """
        waveform = _checked(waveform)
        rows = num_frames(len(waveform))
        if rows == 0:
            raise InputError("The waveform is shorter than one video frame (40 ms, 640 samples at 16 kHz).")
        statistics, piece = Statistics(self.config), LONGEST * SAMPLES_PER_FRAME
        for start in range(0, len(waveform), piece):
            statistics.push(waveform[start : start + piece])
        of = (rows, num_conv_frames(self.config, len(waveform)))
        kept = []
        for chunk in chunks(rows):
            end = len(waveform) if chunk.stop == rows else chunk.stop * SAMPLES_PER_FRAME
            length = next(length for length in LENGTHS if chunk.stop - chunk.start <= length)
            samples = waveform[chunk.start * SAMPLES_PER_FRAME : end]
            heard = self.prepare(params, samples, chunk.start, length, statistics, of)
            found = self._rows(params[WAV2VEC2.name], heard, 0, size=length)
            kept.append(np.asarray(found)[0, chunk.first - chunk.start : chunk.last - chunk.start])
        return np.concatenate(kept)

    def windows(
        self, params: Mapping[str, Any], pieces: Iterable[np.ndarray], size: int
    ) -> Iterator[jax.Array | np.ndarray]:
        """Rows of each `size` video frames, as soon as what is after them has come: (size, width), from the last window
        fewer.

        Each window is heard with `history` before and `lookahead` after it, and normalised by all that has come until
        then; a recording that ends within the first window and its lookahead as by `hear`.
        """
        history, lookahead = (
            math.ceil(seconds * FRAME_RATE) for seconds in (self.hearing.history, self.hearing.lookahead)
        )
        samples, gone, start = np.zeros(0, np.float32), 0, 0  # `gone`: rows before the samples
        statistics, seen = Statistics(self.config), 0

        def window(end: int, of: tuple[int, int] | None) -> jax.Array:
            nonlocal seen
            first, offset = max(start - history, 0), gone * SAMPLES_PER_FRAME
            statistics.push(samples[seen - offset : end - offset])
            seen = end
            stretch = samples[first * SAMPLES_PER_FRAME - offset : end - offset]
            heard = self.prepare(params, stretch, first, history + size + lookahead, statistics, of)
            return self._rows(params[WAV2VEC2.name], heard, start - first, size=size)[0]

        for piece in pieces:
            samples = np.concatenate([samples, _checked(piece)])
            while gone * SAMPLES_PER_FRAME + len(samples) >= (end := (start + size + lookahead) * SAMPLES_PER_FRAME):
                yield window(end, None)
                start += size
                unseen = max(start - history, 0)
                samples, gone = samples[(unseen - gone) * SAMPLES_PER_FRAME :], unseen
        end = gone * SAMPLES_PER_FRAME + len(samples)
        rows = num_frames(end)
        of = None if start else (rows, num_conv_frames(self.config, end))
        while start < rows:
            features, left = window(end, of), rows - start
            yield features if left >= size else np.asarray(features)[:left]
            start += size

    def fields(self, params: Mapping[str, Any], waveform: np.ndarray, frames: int) -> dict[str, np.ndarray]:
        """`audio` (frames, width), of the whole recording; frames beyond its end repeat the last row."""
        rows = self.hear(params, waveform)[:frames]
        return {"audio": np.pad(rows, ((0, frames - len(rows)), (0, 0)), mode="edge")}

    def prepare(
        self,
        params: Mapping[str, Any],
        samples: np.ndarray,
        start: int,
        length: int,
        statistics: Statistics,
        of: tuple[int, int] | None,
    ) -> Heard:
        """Samples (n,) from row `start` of a recording, for the program of `length` rows.

        Args:
            statistics: of the recording, as far as it is known.
            of: its rows and frames, if these are known.
        """
        config, ratio = self.config, per_row(self.config)
        mean, deviation = statistics.level
        waveform = np.zeros((1, (length + 1) * SAMPLES_PER_FRAME), np.float32)  # room for what is no whole row
        waveform[0, : len(samples)] = (samples - mean) / deviation
        conv = params[WAV2VEC2.name]["params"]["conv_0"]["conv"]
        moments = statistics.of_conv(*(np.asarray(conv[name]) if name in conv else None for name in ("kernel", "bias")))
        frames = num_conv_frames(config, len(samples))
        places = positions(start + np.arange(length), ratio, self.hearing.aligned, of) - start * ratio
        places = np.clip(places, 0, frames - 1)[None]  # (1, R)
        lower = places.astype(np.int32)
        counts = (np.int32([count]) for count in (frames, num_frames(len(samples))))
        return Heard(waveform, moments[None], *counts, lower, np.float32(places - lower))


def rows_of(network: Wav2Vec2, before: bool, params: Any, heard: Heard, offset: int, size: int) -> jax.Array:
    """Rows `offset` .. `offset` + `size` - 1 of a stretch: (B, size, width)."""
    rows = network.apply(params, heard, before, method=hidden_rows)[-1]
    return jax.lax.dynamic_slice_in_dim(rows, offset, size, axis=1)


def hidden_rows(network: Wav2Vec2, heard: Heard, before: bool) -> list[jax.Array]:
    """All hidden states of a stretch at 25 a second, each (B, R, width); `network` is bound to its parameters."""
    features = network.convolve(heard.waveform, heard.statistics)  # (B, T, C)
    if before:
        return network.transform(interpolated(features, heard.lower, heard.fraction), heard.rows)
    return [interpolated(state, heard.lower, heard.fraction) for state in network.transform(features, heard.frames)]


def _checked(waveform: np.ndarray) -> np.ndarray:
    """Raises InputError for what is no waveform of floats."""
    waveform = np.asarray(waveform)
    if waveform.ndim != 1 or not np.issubdtype(waveform.dtype, np.floating):
        raise InputError(f"A waveform is one row of floats, not {waveform.dtype} of shape {waveform.shape}.")
    if not np.isfinite(waveform).all():
        raise InputError("The waveform holds values that are not finite.")
    return waveform
