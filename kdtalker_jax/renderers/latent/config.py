"""Sizes of the networks. The defaults are the published ones (latent diffusion, arXiv 2112.10752)."""

from dataclasses import dataclass

from kdtalker_jax.sizes import Sizes


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

    @property
    def condition_channels(self) -> int:
        """Of all conditions, joined."""
        return self.channels * self.conditions

    @property
    def factor(self) -> int:
        """Height and width of a latent have to be divisible by this."""
        return 2 ** (len(self.multipliers) - 1)
