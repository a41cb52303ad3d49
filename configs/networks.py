"""Sizes of the networks.

The defaults are the published ones (KDTalker, arXiv 2503.12963; LivePortrait, arXiv 2407.03168).
"""

import math
from collections.abc import Collection
from dataclasses import dataclass

from configs.sizes import Sizes
from configs.statistics import PUBLISHED_STATISTICS, MotionStatistics

LARGEST_PICTURE = 8192  # side of what the generator makes
LARGEST_VOLUME = 1 << 28  # numbers in the feature volume; the published one has 2**21


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


@dataclass(frozen=True)
class GeneratorConfig(Sizes):
    """G: warped feature map -> picture (SPADE)."""

    input_channels: int = 256
    width: int = 512
    middle_blocks: int = 6
    up_widths: tuple[int, ...] = (256, 64)  # each after a nearest doubling
    modulation_width: int = 128  # hidden width of every SPADE norm
    pixel_shuffle: int = 2


@dataclass(frozen=True)
class RetargetingConfig(Sizes):
    """S, R: the hidden widths of the stitching and retargeting MLPs."""

    keypoints: int = 21
    stitching: tuple[int, ...] = (128, 128, 64)
    lip: tuple[int, ...] = (128, 128, 64)
    eye: tuple[int, ...] = (256, 256, 128, 128, 64)


@dataclass(frozen=True)
class AudioEncoderConfig(Sizes):
    """A: a mel window of 16 columns -> audio feature (Wav2Lip)."""

    mel_bands: int = 80
    mel_columns: int = 16
    widths: tuple[int, ...] = (32, 64, 128, 256, 512)


@dataclass(frozen=True)
class DenoiserConfig(Sizes):
    """D: noisy motion and audio -> noise (spatiotemporal attention)."""

    keypoints: int = 21
    window: int = 64  # frames per diffusion window
    audio_features: int = 512
    width: int = 768
    time_features: int = 256
    layers: int = 6
    heads: int = 12
    head_size: int = 64
    rotary_size: int = 12  # leading numbers of each head that are rotated
    bias_buckets: int = 32
    bias_max_distance: int = 128
    # Of diffusion, in training and sampling.
    beta_end: float = 8e-3  # noise of the last step: the more, the less motion is left at the end
    noise_offset: float = 0.0  # deviation of what all frames of a window's noise share, per channel
    sampler: str | None = None  # that is taken where none is named; None: ddim, as published

    @property
    def motion_size(self) -> int:
        """Numbers per frame: scale, yaw, pitch, roll, t (3), exp (3 per keypoint)."""
        return 7 + 3 * self.keypoints


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


@dataclass(frozen=True)
class ModelConfig:
    """Everything that a converted checkpoint needs besides its parameters."""

    name: str = "published"
    appearance: AppearanceConfig = AppearanceConfig()
    motion_extractor: MotionExtractorConfig = MotionExtractorConfig()
    warping: WarpingConfig = WarpingConfig()
    generator: GeneratorConfig = GeneratorConfig()
    retargeting: RetargetingConfig = RetargetingConfig()
    audio_encoder: AudioEncoderConfig = AudioEncoderConfig()
    denoiser: DenoiserConfig = DenoiserConfig()
    syncnet: SyncNetConfig = SyncNetConfig()
    statistics: MotionStatistics = PUBLISHED_STATISTICS

    def __post_init__(self) -> None:
        """Raises ValueError for pictures or volumes that no machine holds, and noise that there is not."""
        if self.picture_size > LARGEST_PICTURE:
            raise ValueError(f"the pictures are {self.picture_size} wide, more than {LARGEST_PICTURE}")
        volume = self.warping.volume_channels * self.warping.volume_depth * self.warping.feature_size**2
        if volume > LARGEST_VOLUME:
            raise ValueError(f"the feature volume has {volume} numbers, more than {LARGEST_VOLUME}")
        denoiser = self.denoiser
        if not 1e-5 < denoiser.beta_end < 1:
            raise ValueError(f"denoiser.beta_end is a variance between 1e-5 and 1, not {denoiser.beta_end}")
        if not 0 <= denoiser.noise_offset < math.inf:
            raise ValueError(f"denoiser.noise_offset is a standard deviation, 0 or more, not {denoiser.noise_offset}")
        if not 1 <= denoiser.bias_buckets // 4 < denoiser.bias_max_distance:
            raise ValueError("denoiser.bias_buckets is not from 4 to four times denoiser.bias_max_distance")

    @property
    def picture_size(self) -> int:
        """Side of the pictures that the generator makes."""
        return self.warping.feature_size * 2 ** len(self.generator.up_widths) * self.generator.pixel_shuffle

    def disagreement(self, names: Collection[str]) -> str | None:
        """What keeps the networks `names` from working together, in words: what one makes, another has to take."""
        appearance, warping, statistics = self.appearance, self.warping, self.statistics
        sizes = {
            "keypoints": {
                "motion_extractor": self.motion_extractor.keypoints,
                "warping": warping.keypoints,
                "retargeting": self.retargeting.keypoints,
                "denoiser": self.denoiser.keypoints,
            },
            "image_size": {"appearance": appearance.image_size, "motion_extractor": self.motion_extractor.image_size},
            "feature volume": {
                "appearance": (
                    appearance.image_size >> (len(appearance.widths) - 1),
                    appearance.volume_depth,
                    appearance.volume_channels,
                ),
                "warping": (warping.feature_size, warping.volume_depth, warping.volume_channels),
            },
            "feature map": {"warping": warping.output_channels, "generator": self.generator.input_channels},
            "audio features": {
                "audio_encoder": self.audio_encoder.widths[-1],
                "denoiser": self.denoiser.audio_features,
            },
        }
        if "denoiser" in names:
            sizes["keypoints"]["statistics"] = len(statistics.exp_mean) // 3
        for what, of in sizes.items():
            (first, size), *others = [item for item in of.items() if item[0] in (*names, "statistics")] or [("", 0)]
            for name, other in others:
                if other != size:
                    return f"{what}: {size} of {first} and {other} of {name}"
        return None


PUBLISHED = ModelConfig()

# The same networks, narrow and shallow: for tests and dry runs on a laptop.
SMALL = ModelConfig(
    name="small",
    appearance=AppearanceConfig(
        image_size=64, widths=(8, 12, 16), volume_channels=4, volume_depth=4, residual_blocks=2
    ),
    motion_extractor=MotionExtractorConfig(image_size=64, depths=(1, 1, 2, 1), widths=(8, 12, 16, 24)),
    warping=WarpingConfig(
        volume_channels=4,
        volume_depth=4,
        feature_size=16,
        hourglass_width=4,
        hourglass_max_width=16,
        hourglass_blocks=3,
        wide_kernel=3,
        output_channels=16,
    ),
    generator=GeneratorConfig(input_channels=16, width=24, middle_blocks=2, up_widths=(12, 8), modulation_width=8),
    retargeting=RetargetingConfig(stitching=(16, 8), lip=(16, 8), eye=(16, 16, 8)),
    audio_encoder=AudioEncoderConfig(widths=(4, 8, 8, 12, 16)),
    denoiser=DenoiserConfig(
        audio_features=16, width=48, time_features=16, layers=2, heads=4, head_size=12, rotary_size=4
    ),
    syncnet=SyncNetConfig(audio_widths=(4, 6, 8, 6, 6, 8), lip_widths=(4, 6, 6, 6, 6, 8), hidden=8, features=16),
)

# Small enough to be trained on two processor cores and to ship with the package; 128x128 in, 256x256 out.
DEMO = ModelConfig(
    name="demo",
    appearance=AppearanceConfig(
        image_size=128, widths=(16, 32, 64), volume_channels=32, volume_depth=4, residual_blocks=2
    ),
    motion_extractor=MotionExtractorConfig(image_size=128, depths=(1, 2, 3, 1), widths=(24, 48, 96, 160)),
    warping=WarpingConfig(
        volume_channels=32,
        volume_depth=4,
        feature_size=32,
        compressed_channels=1,
        hourglass_width=4,
        hourglass_max_width=64,
        hourglass_blocks=4,
        wide_kernel=3,
        output_channels=96,
    ),
    # The last two doublings are one pixel shuffle: blocks at 128x128 would cost more than all else together.
    generator=GeneratorConfig(
        input_channels=96, width=80, middle_blocks=2, up_widths=(48,), modulation_width=16, pixel_shuffle=4
    ),
    retargeting=RetargetingConfig(stitching=(64, 64, 32), lip=(64, 64, 32), eye=(64, 64, 32)),
    audio_encoder=AudioEncoderConfig(widths=(16, 24, 32, 48, 96)),
    # Sampling starts from noise alone, but the published schedule ends with a share of 0.13 of the motion. A denoiser
    # reads slow motion there, and what is sampled without it moves half as far. This schedule ends with a share of
    # 0.03, and the offset hides a window's mean in it, which is easiest to read. A sampler that adds noise in each step
    # does the rest: the others turn heads 0.6 times as far as they should (docs/demo.md).
    denoiser=DenoiserConfig(
        audio_features=96,
        width=160,
        time_features=64,
        layers=4,
        heads=5,
        head_size=32,
        beta_end=0.014,
        noise_offset=0.5,
        sampler="ddpm",
    ),
)

MODELS = {config.name: config for config in (PUBLISHED, SMALL, DEMO)}
