"""Wav2Vec2 and HuBERT: hidden states of a transformer over the waveform."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kdtalker_jax.features.wav2vec2.model import Wav2Vec2Features

__all__ = ["Wav2Vec2Features"]


def __getattr__(name: str) -> Any:
    """Imported when it is asked for: the sizes alone need no JAX."""
    if name != "Wav2Vec2Features":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from kdtalker_jax.features.wav2vec2.model import Wav2Vec2Features

    return Wav2Vec2Features
