"""Sizes of the denoiser. The defaults are the published ones (KDTalker, arXiv 2503.12963)."""

from dataclasses import dataclass

from kdtalker_jax.sizes import Sizes


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

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.bias_buckets // 4 < self.bias_max_distance:
            raise ValueError("bias_buckets is not from 4 to four times bias_max_distance")

    @property
    def motion_size(self) -> int:
        """Numbers per frame: scale, yaw, pitch, roll, t (3), exp (3 per keypoint)."""
        return 7 + 3 * self.keypoints
