"""Networks that look at the portrait once: appearance extractor F and motion extractor M (LivePortrait, section 3)."""

from collections import OrderedDict
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.torch_baseline.blocks import ConvBlock
from kdtalker_jax.renderers.liveportrait.config import AppearanceConfig, MotionExtractorConfig


class ResidualBlock3d(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm3d(channels), nn.BatchNorm3d(channels)
        self.conv1 = nn.Conv3d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv3d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.relu(self.norm1(x)))
        return x + self.conv2(F.relu(self.norm2(h)))


class AppearanceExtractor(nn.Module):
    """F: image (B, 3, 256, 256) in [0, 1] -> feature volume f_s (B, 32, 16, 64, 64)."""

    def __init__(self, config: AppearanceConfig) -> None:
        super().__init__()
        self.volume = (config.volume_channels, config.volume_depth)
        widths = config.widths
        self.first = ConvBlock(2, 3, widths[0])
        self.down_blocks = nn.ModuleList(ConvBlock(2, *pair) for pair in pairwise(widths))
        self.second = nn.Conv2d(widths[-1], config.volume_channels * config.volume_depth, 1)
        self.resblocks_3d = nn.Sequential(
            OrderedDict((f"3dr{i}", ResidualBlock3d(config.volume_channels)) for i in range(config.residual_blocks))
        )

    def forward(self, image: Tensor) -> Tensor:
        x = self.first(image)  # (B, 64, 256, 256)
        for block in self.down_blocks:
            x = F.avg_pool2d(block(x), 2)  # (B, 256, 64, 64) in the end
        x = self.second(x).unflatten(1, self.volume)  # (B, 32, 16, 64, 64)
        return self.resblocks_3d(x)


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class GlobalResponseNorm(nn.Module):
    """GRN of ConvNeXt V2 (arXiv 2301.00808, algorithm 1) on (B, H, W, C)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, 1, channels))
        self.beta = nn.Parameter(torch.zeros(1, 1, 1, channels))

    def forward(self, x: Tensor) -> Tensor:
        response = x.norm(dim=(1, 2), keepdim=True)  # (B, 1, 1, C)
        return self.gamma * (x * (response / (response.mean(-1, keepdim=True) + 1e-6))) + self.beta + x


class ConvNeXtBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.grn = GlobalResponseNorm(4 * channels)
        self.pwconv2 = nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(self.dwconv(x).permute(0, 2, 3, 1))  # (B, H, W, C)
        h = self.pwconv2(self.grn(F.gelu(self.pwconv1(h))))  # (B, H, W, C)
        return x + h.permute(0, 3, 1, 2)  # (B, C, H, W)


class MotionExtractor(nn.Module):
    """M: image (B, 3, 256, 256) in [0, 1] -> raw heads (B, n): pitch, yaw, roll (bin logits), t, exp, scale, kp."""

    def __init__(self, config: MotionExtractorConfig) -> None:
        super().__init__()
        widths = config.widths
        stem = nn.Sequential(nn.Conv2d(3, widths[0], 4, stride=4), ChannelNorm(widths[0]))
        downs = (nn.Sequential(ChannelNorm(a), nn.Conv2d(a, b, 2, stride=2)) for a, b in pairwise(widths))
        self.downsample_layers = nn.ModuleList([stem, *downs])
        self.stages = nn.ModuleList(
            nn.Sequential(*(ConvNeXtBlock(width) for _ in range(depth)))
            for width, depth in zip(widths, config.depths, strict=True)
        )
        self.norm = nn.LayerNorm(widths[-1], eps=1e-6)
        points, bins = 3 * config.keypoints, config.angle_bins
        self.head_sizes = {"kp": points, "scale": 1, "pitch": bins, "yaw": bins, "roll": bins, "t": 3, "exp": points}
        for name, size in self.head_sizes.items():
            self.add_module(f"fc_{name}", nn.Linear(widths[-1], size))

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        x = image
        for down, stage in zip(self.downsample_layers, self.stages, strict=True):
            x = stage(down(x))  # (B, 768, 8, 8) in the end
        x = self.norm(x.mean((2, 3)))  # (B, 768)
        return {name: self.get_submodule(f"fc_{name}")(x) for name in self.head_sizes}
