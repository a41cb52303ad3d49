"""A: the audio encoder, mel window -> audio feature (Wav2Lip, arXiv 2008.10010)."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from kdtalker_jax.features.wav2lip.config import AudioEncoderConfig
from kdtalker_jax.nn.blocks import ConvNorm
from kdtalker_jax.nn.shapes import assert_shape

# (index of the width, kernel, strides over (mel, time), padding, residual), as published.
LAYERS = (
    (0, 3, (1, 1), 1, False), (0, 3, (1, 1), 1, True), (0, 3, (1, 1), 1, True),
    (1, 3, (3, 1), 1, False), (1, 3, (1, 1), 1, True), (1, 3, (1, 1), 1, True),
    (2, 3, (3, 3), 1, False), (2, 3, (1, 1), 1, True), (2, 3, (1, 1), 1, True),
    (3, 3, (3, 2), 1, False), (3, 3, (1, 1), 1, True),
    (4, 3, (1, 1), 0, False), (4, 1, (1, 1), 0, False),
)  # fmt: skip


class AudioEncoder(nn.Module):
    """Mel windows (B, 80, 16), normalised to [-4, 4] -> audio features (B, 512), float32."""

    config: AudioEncoderConfig
    folded: bool = True
    dtype: DTypeLike = jnp.float32
    axis_name: str | None = None  # of a mapped axis that batch norms average over in training

    @nn.compact
    def __call__(self, mel: jax.Array, train: bool = False) -> jax.Array:
        config = self.config
        assert_shape(mel, (None, config.mel_bands, config.mel_columns))
        x = mel[..., None]  # (B, 80, 16, 1)
        for i, (width, kernel, strides, padding, residual) in enumerate(LAYERS):
            layer = ConvNorm(
                config.widths[width], kernel, strides=strides, padding=padding, folded=self.folded, dtype=self.dtype,
                axis_name=self.axis_name, name=f"layer_{i}",
            )  # fmt: skip
            y = layer(x, train)
            x = nn.relu(x + y if residual else y)
        assert_shape(x, (None, 1, 1, config.widths[-1]))
        return x[:, 0, 0].astype(jnp.float32)
