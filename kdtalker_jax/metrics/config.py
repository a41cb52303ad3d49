"""Sizes of the networks that judge."""

from dataclasses import dataclass

from kdtalker_jax.sizes import Sizes


@dataclass(frozen=True)
class SyncNetConfig(Sizes):
    """SyncNet: judges in evaluation how well lips fit the speech; makes no part of a video."""

    image_size: int = 224  # what the published strides reduce to one position
    frames: int = 5
    coefficients: int = 13  # of the MFCC
    columns: int = 20  # of 10 ms
    audio_widths: tuple[int, ...] = (64, 192, 384, 256, 256, 512)
    lip_widths: tuple[int, ...] = (96, 256, 256, 256, 256, 512)
    hidden: int = 512
    features: int = 1024
