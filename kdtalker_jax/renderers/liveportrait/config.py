"""Sizes of the networks. The defaults are the published ones (LivePortrait, arXiv 2407.03168)."""

from dataclasses import dataclass

from kdtalker_jax.records import added
from kdtalker_jax.sizes import Sizes


@dataclass(frozen=True)
class AppearanceConfig(Sizes):
    """F: portrait -> feature volume."""

    image_size: int = 256
    widths: tuple[int, ...] = (64, 128, 256)  # first convolution, then one per halving
    volume_channels: int = 32
    volume_depth: int = 16
    residual_blocks: int = 6


@dataclass(frozen=True)
class MotionExtractorConfig(Sizes):
    """M: portrait -> keypoints, pose, expression (ConvNeXt V2)."""

    image_size: int = 256
    depths: tuple[int, ...] = (3, 3, 9, 3)
    widths: tuple[int, ...] = (96, 192, 384, 768)
    keypoints: int = 21
    angle_bins: int = 66


@dataclass(frozen=True)
class WarpingConfig(Sizes):
    """W: feature volume and two sets of keypoints -> warped feature map."""

    keypoints: int = 21
    volume_channels: int = 32
    volume_depth: int = 16
    feature_size: int = 64  # height and width of the feature volume
    compressed_channels: int = 4
    hourglass_width: int = 32  # of the outermost decoder block; doubles inwards
    hourglass_max_width: int = 1024
    hourglass_blocks: int = 5
    wide_kernel: int = 7  # of the mask and occlusion convolutions
    output_channels: int = 256
    flow: bool = added(False)  # also where each point of the picture comes from; not published


@dataclass(frozen=True)
class GeneratorConfig(Sizes):
    """G: warped feature map -> picture (SPADE)."""

    input_channels: int = 256
    width: int = 512
    middle_blocks: int = 6
    up_widths: tuple[int, ...] = (256, 64)  # each after a nearest doubling
    modulation_width: int = 128  # hidden width of every SPADE norm
    pixel_shuffle: int = 2
    portrait: bool = added(False)  # blends in the portrait itself, moved by that flow; not published
    keypoints: int | None = added(None)  # that it is shown, where they are and were; None, as published: it is not


@dataclass(frozen=True)
class RetargetingConfig(Sizes):
    """S, R: the hidden widths of the stitching and retargeting MLPs."""

    keypoints: int = 21
    stitching: tuple[int, ...] = (128, 128, 64)
    lip: tuple[int, ...] = (128, 128, 64)
    eye: tuple[int, ...] = (256, 256, 128, 128, 64)
