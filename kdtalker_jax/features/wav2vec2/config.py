"""Sizes of Wav2Vec2 and HuBERT, and how they are listened with. The defaults are those of the base models."""

from dataclasses import dataclass
from typing import Literal

from kdtalker_jax.sizes import Sizes


@dataclass(frozen=True)
class Wav2Vec2Config(Sizes):
    """16 kHz waveform -> hidden states of a transformer (arXiv 2006.11477; HuBERT, arXiv 2106.07447).

    Attributes:
        conv_norm: "group": the first convolution is normalised, each channel over time; "layer": all of them, each
            frame over its channels.
        pre_norm: blocks normalise what enters them, and a norm follows the last; else each sum of a block, and a norm
            goes before the first.
        projection_norm: a norm stands before the projection.
        normalise: the waveform is brought to mean 0 and deviation 1.
        epsilon: of all layer norms but those between convolutions.
    """

    conv_widths: tuple[int, ...] = (512,) * 7
    conv_kernels: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    conv_strides: tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)
    conv_norm: Literal["group", "layer"] = "group"
    conv_bias: bool = False
    projection_norm: bool = True
    width: int = 768
    position_kernel: int = 128
    position_groups: int = 16
    layers: int = 12
    heads: int = 12
    inner: int = 3072
    pre_norm: bool = False
    normalise: bool = True
    epsilon: float = 1e-5


@dataclass(frozen=True)
class HearingConfig:
    """How rows at 25 a second are made of frames at 50.

    Attributes:
        resample: "before": what the convolutions give, so that the transformer runs at 25 a second; "after": what the
            transformer gives.
        align_corners: the first and last row are the first and last frame; else rows lie in the middle of what they
            stand for. None: as whoever made the convention has it, true for "before" and false for "after".
        history: seconds before a window of a stream that it hears.
        lookahead: seconds after a window of a stream that it hears, and waits for.
    """

    resample: Literal["before", "after"] = "before"
    align_corners: bool | None = None
    history: float = 10.0
    lookahead: float = 2.0

    @property
    def aligned(self) -> bool:
        return self.resample == "before" if self.align_corners is None else self.align_corners
