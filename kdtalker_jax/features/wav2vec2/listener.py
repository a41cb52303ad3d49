"""The features with the parameters of a model: what `Wav2Vec2Features.load` gives."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.nn.folding import fold

if TYPE_CHECKING:
    from kdtalker_jax.features.protocol import Features

HOW_TO_CONVERT = "python -m convert.wav2vec2 --source DIR_OR_FILE --out"


@dataclass(frozen=True)
class Listener:
    """Features that need no parameters any more.

    Attributes:
        features: what hears.
        params: of its parts, by their names.
    """

    features: "Features"
    params: Mapping[str, Any]

    @property
    def width(self) -> int:
        return self.features.gives.width

    def __call__(self, waveform: np.ndarray) -> np.ndarray:
        """A 16 kHz waveform (samples,) -> (samples // 640, width), float32. Errors as of `Wav2Vec2Features.hear`."""
        return self.features.hear(self.params, waveform)

    def windows(self, pieces: Iterable[np.ndarray], size: int) -> Iterator[jax.Array | np.ndarray]:
        """Rows of a waveform that comes in pieces, `size` at a time: see `Wav2Vec2Features.windows`."""
        return self.features.windows(self.params, pieces, size)


def open_listener(directory: str | Path, part: str) -> tuple[ModelConfig, dict[str, Any]]:
    """Configuration and parameters of a model that has the part, which may lack all others.

    Raises:
        CheckpointError: there is no such model, it has no such part, or is damaged.
    """
    from kdtalker_jax.checkpoints import load_checkpoint  # brings Orbax

    directory = Path(directory)
    published = [name for name in ("pytorch_model.bin", "model.safetensors") if (directory / name).is_file()]
    if published or not directory.exists():
        state = f"holds {published[0]}, as it is published" if published else "does not exist"
        raise CheckpointError(f"{directory} {state}: convert with '{HOW_TO_CONVERT} OUT', and name that folder.")
    checkpoint = load_checkpoint(directory)
    if part not in checkpoint.available:
        raise CheckpointError(
            f"{directory} is a model without {part}: make one with '{HOW_TO_CONVERT} OUT', and name that folder."
        )
    return checkpoint.config, {part: fold(checkpoint.variables(part))}
