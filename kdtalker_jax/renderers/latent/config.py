"""Sizes of the networks. The defaults are the published ones (latent diffusion, arXiv 2112.10752)."""

import math
from dataclasses import dataclass
from typing import Literal

from kdtalker_jax.records import added
from kdtalker_jax.sizes import LARGEST_OF, Sizes

GRID = 8  # pixels: masks begin and end at multiples, so that they are whole in latents too


@dataclass(frozen=True)
class AutoencoderConfig(Sizes):
    """E, codebook and D: picture -> latent and back (VQ-f4)."""

    width: int = 128
    multipliers: tuple[int, ...] = (1, 2, 4)  # of the width, by level; the picture is halved between two levels
    blocks: int = 2  # of a level going down; going up there is one more
    latent_channels: int = 3
    codes: int = 8192
    code_width: int = 3
    groups: int = 32  # of every norm

    @property
    def factor(self) -> int:
        """By how much a latent is smaller than its picture."""
        return 2 ** (len(self.multipliers) - 1)


@dataclass(frozen=True)
class UNetConfig(Sizes):
    """The denoiser of latents. The channels that it takes are those of z_t and of the conditions beside it."""

    channels: int = 3  # of a latent
    conditions: int = 4  # further latents: masked target, reference, landmarks of the target and of the reference
    width: int = 224
    multipliers: tuple[int, ...] = (1, 2, 3, 4)  # as of the autoencoder
    blocks: int = 2
    attention: tuple[int, ...] = (8, 4, 2)  # the halvings, as factors, at which there is attention
    head_width: int = 32
    groups: int = 32
    prediction: Literal["noise", "sample", "velocity"] = added("noise")  # what it tells of noisy latents

    @property
    def condition_channels(self) -> int:
        """Of all conditions, joined."""
        return self.channels * self.conditions

    @property
    def factor(self) -> int:
        """Height and width of a latent have to be divisible by this."""
        return 2 ** (len(self.multipliers) - 1)


@dataclass(frozen=True)
class PaintingConfig:
    """How mouths are painted into pictures.

    Attributes:
        image_size: side of the pictures.
        steps: of DDIM.
        reference: what shows the person: the "first" frame, or the portrait, so that frames can be made side by side;
            or the "previous" frame, as it was painted.
        feather: pixels over which what is painted goes over into the picture, inside the mask.
        seed: of the noise, one for all frames.

    Raises:
        ValueError: values that cannot be.
    """

    image_size: int = 256
    steps: int = 20
    reference: Literal["first", "previous"] = "first"
    feather: float = 8.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not GRID <= self.image_size <= LARGEST_OF["image_size"] or self.image_size % GRID:
            raise ValueError(f"image_size is {self.image_size}, no multiple of {GRID} up to {LARGEST_OF['image_size']}")
        if not 1 <= self.steps <= 1000:
            raise ValueError(f"steps is {self.steps}, not from 1 to 1000")
        if not 0 <= self.feather < math.inf:
            raise ValueError(f"feather is {self.feather}, not 0 pixels or more")
        if not 0 <= self.seed < 1 << 64:
            raise ValueError(f"seed is {self.seed}, not from 0 to below 2^64")
