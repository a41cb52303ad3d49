"""Sizes of the audio encoder. The defaults are the published ones (Wav2Lip, arXiv 2008.10010)."""

from dataclasses import dataclass

from kdtalker_jax.sizes import Sizes


@dataclass(frozen=True)
class AudioEncoderConfig(Sizes):
    """A: a mel window of 16 columns -> audio feature (Wav2Lip)."""

    mel_bands: int = 80
    mel_columns: int = 16
    widths: tuple[int, ...] = (32, 64, 128, 256, 512)
