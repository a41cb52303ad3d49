"""Wav2Lip's audio encoder as `features.protocol.Features`: one row for each video frame (KDTalker, section 3.2)."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from kdtalker_jax import parallel
from kdtalker_jax.features.mel import (
    BANDS,
    WINDOW,
    MelStream,
    first_column,
    mel_spectrogram,
    mel_windows,
    window_batches,
)
from kdtalker_jax.features.protocol import FeatureSpec
from kdtalker_jax.features.wav2lip.parts import AUDIO_ENCODER, PARTS
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.model_config import ModelConfig

WINDOWS_PER_BATCH = 128  # mel windows of a data set's clip at a time on each device


class Wav2LipFeatures:
    """The audio encoder at the sizes of a model. `jit` exists so that tests can count traces."""

    parts = PARTS
    settings: Mapping[str, type] = {}

    def __init__(self, config: ModelConfig, dtype: DTypeLike = jnp.float32, jit: Callable = jax.jit) -> None:
        self.gives = FeatureSpec(FRAME_RATE, config.audio_encoder.widths[-1], lookahead=0.1)
        network = AUDIO_ENCODER.build(config, dtype=dtype)
        self._encode = jit(partial(encode, network))
        self._encode_everywhere = parallel.map_rows(partial(encode, network))

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        if not config.audio_encoder.widths:
            raise ValueError("audio_encoder.widths has no numbers")

    @classmethod
    def disagreement(cls, config: ModelConfig, names: Collection[str]) -> str | None:
        return None  # one part

    def windows(
        self, params: Mapping[str, Any], pieces: Iterable[np.ndarray], size: int
    ) -> Iterator[jax.Array | np.ndarray]:
        """Features of each `size` video frames, as soon as the recording has come far enough: (size, C), from the last
        window fewer. The mel windows of a window of frames end 100 ms after it."""
        stream, mel, gone, start = MelStream(), np.zeros((0, BANDS), np.float32), 0, 0

        def window(mel: np.ndarray) -> jax.Array:
            return self._encode(params[AUDIO_ENCODER.name], mel_windows(mel, start, start + size, gone))

        for piece in pieces:
            mel = np.concatenate([mel, stream.push(piece)])  # (columns, 80)
            while first_column(start + size - 1) + WINDOW <= gone + len(mel):
                yield window(mel)
                start += size
                unseen = max(int(first_column(start)), 0)
                mel, gone = mel[unseen - gone :], unseen
        mel = np.concatenate([mel, stream.finish()])
        while start < stream.frames:
            features, left = window(mel), stream.frames - start
            yield features if left >= size else np.asarray(features)[:left]
            start += size

    def fields(self, params: Mapping[str, Any], waveform: np.ndarray, frames: int) -> dict[str, np.ndarray]:
        """`audio` (frames, C), as inference computes it, and `mel` (columns, 80). All devices of this process work."""
        mel = mel_spectrogram(waveform)  # (columns, 80)
        params = parallel.replicate(params[AUDIO_ENCODER.name])
        batches = window_batches(mel, frames, WINDOWS_PER_BATCH * parallel.local_device_count())
        audio = np.concatenate([self._encode_everywhere(params, batch) for batch in batches])[:frames]
        return {"audio": audio, "mel": mel}


def encode(network: nn.Module, params: Any, mel: jax.Array) -> jax.Array:
    """Mel windows (B, 80, 16) -> audio features (B, 512)."""
    return network.apply(params, mel)
