"""Networks that draw a frame: warping W, generator G, stitching and retargeting MLPs (LivePortrait, section 3)."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import remove_spectral_norm, spectral_norm

from benchmarks.torch_baseline.blocks import ConvBlock
from kdtalker_jax.renderers.liveportrait.config import GeneratorConfig, RetargetingConfig, WarpingConfig

KEYPOINT_VARIANCE = 0.01  # of the Gaussian heat maps
SPADE_SLOPE = 0.2


def identity_grid(depth: int, height: int, width: int, device: torch.device) -> Tensor:
    """Coordinates (x, y, z) in [-1, 1] of every cell: (D, H, W, 3), always float32."""
    z, y, x = (2 * torch.arange(n, device=device, dtype=torch.float32) / (n - 1) - 1 for n in (depth, height, width))
    z, y, x = torch.meshgrid(z, y, x, indexing="ij")
    return torch.stack((x, y, z), -1)


def sample(volume: Tensor, grid: Tensor) -> Tensor:
    """Trilinear samples of (B, C, D, H, W) at (B, D, H, W, 3), zero outside. Coordinates stay float32."""
    # The grid puts -1 and 1 on the centres of the outermost cells, the sampler on their outer faces: as published,
    # sampling at the identity grid is not the identity.
    return F.grid_sample(volume.float(), grid, padding_mode="zeros", align_corners=False).to(volume.dtype)


class Encoder(nn.Module):
    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        self.down_blocks = nn.ModuleList(ConvBlock(3, *pair) for pair in pairwise(widths))

    def forward(self, x: Tensor) -> list[Tensor]:
        skips = [x]
        for block in self.down_blocks:
            out = block(skips[-1])
            # Depth stays, so two dimensions do; the CPU has no 3-D pooling in half precision.
            skips.append(F.avg_pool2d(out.flatten(1, 2), 2).unflatten(1, out.shape[1:3]))
        return skips


class Decoder(nn.Module):
    def __init__(self, input_width: int, widths: list[int]) -> None:
        super().__init__()
        # The first block has no skip; every later one sees its predecessor beside a skip of the same width.
        ins = [widths[0], *(2 * width for width in widths[1:-1])]
        self.up_blocks = nn.ModuleList(ConvBlock(3, *pair) for pair in zip(ins, widths[1:], strict=True))
        last = widths[-1] + input_width
        self.conv = nn.Conv3d(last, last, 3, padding=1)
        self.norm = nn.BatchNorm3d(last)

    def forward(self, skips: list[Tensor]) -> Tensor:
        out = skips[-1]
        for block, skip in zip(self.up_blocks, reversed(skips[:-1]), strict=True):
            out = block(F.interpolate(out, scale_factor=(1, 2, 2)))
            out = torch.cat((out, skip), 1)
        return F.relu(self.norm(self.conv(out)))


class Hourglass(nn.Module):
    """U-Net that halves height and width but never depth; the output keeps the input as its last channels."""

    def __init__(self, input_width: int, config: WarpingConfig) -> None:
        super().__init__()
        blocks = range(config.hourglass_blocks + 1)
        widths = [min(config.hourglass_max_width, config.hourglass_width * 2**i) for i in blocks]  # 32 ... 1024
        self.encoder = Encoder([input_width, *widths[1:]])
        self.decoder = Decoder(input_width, widths[::-1])
        self.output_width = widths[0] + input_width

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))


class DenseMotion(nn.Module):
    """Where every cell of the warped volume comes from, and how much of it is visible.

    (feature volume (B, 32, 16, 64, 64), x_s (B, 21, 3), x_d (B, 21, 3)) ->
    deformation (B, 16, 64, 64, 3), occlusion (B, 1, 64, 64).
    """

    def __init__(self, config: WarpingConfig) -> None:
        super().__init__()
        candidates, kernel = config.keypoints + 1, config.wide_kernel
        self.compress = nn.Conv3d(config.volume_channels, config.compressed_channels, 1)
        self.norm = nn.BatchNorm3d(config.compressed_channels)
        self.hourglass = Hourglass(candidates * (1 + config.compressed_channels), config)
        width = self.hourglass.output_width
        self.mask = nn.Conv3d(width, candidates, kernel, padding=kernel // 2)
        self.occlusion = nn.Conv2d(width * config.volume_depth, 1, kernel, padding=kernel // 2)

    def forward(self, feature: Tensor, x_s: Tensor, x_d: Tensor) -> tuple[Tensor, Tensor]:
        x_s, x_d = x_s.float(), x_d.float()
        grid = identity_grid(*feature.shape[2:], device=feature.device)  # (D, H, W, 3)
        motions = grid + (x_s - x_d)[:, :, None, None, None]  # (B, 21, D, H, W, 3)
        motions = torch.cat((grid.expand_as(motions[:, :1]), motions), 1)  # (B, 22, D, H, W, 3)

        compressed = F.relu(self.norm(self.compress(feature)))  # (B, 4, D, H, W)
        copies = compressed.repeat_interleave(motions.shape[1], 0)  # (B * 22, 4, D, H, W)
        sampled = sample(copies, motions.flatten(0, 1)).unflatten(0, motions.shape[:2])  # (B, 22, 4, D, H, W)
        heat = (self.heat_map(grid, x_d) - self.heat_map(grid, x_s)).to(feature.dtype)  # (B, 21, D, H, W)
        heat = F.pad(heat, (0, 0, 0, 0, 0, 0, 1, 0))  # (B, 22, D, H, W), none for the identity
        hourglass = self.hourglass(torch.cat((heat[:, :, None], sampled), 2).flatten(1, 2))  # (B, 142, D, H, W)

        mask = self.mask(hourglass).float().softmax(1)  # (B, 22, D, H, W)
        deformation = (mask[..., None] * motions).sum(1)  # (B, D, H, W, 3)
        occlusion = self.occlusion(hourglass.flatten(1, 2)).sigmoid()  # (B, 1, H, W)
        return deformation, occlusion

    @staticmethod
    def heat_map(grid: Tensor, keypoints: Tensor) -> Tensor:
        distance = (grid - keypoints[:, :, None, None, None]).square().sum(-1)  # (B, 21, D, H, W)
        return torch.exp(-0.5 * distance / KEYPOINT_VARIANCE)


class WarpingModule(nn.Module):
    """W: feature volume (B, 32, 16, 64, 64), x_s and x_d (B, 21, 3) -> warped feature map (B, 256, 64, 64)."""

    def __init__(self, config: WarpingConfig) -> None:
        super().__init__()
        self.dense_motion_network = DenseMotion(config)
        self.third = ConvBlock(2, config.volume_channels * config.volume_depth, config.output_channels, 0.01)
        self.fourth = nn.Conv2d(config.output_channels, config.output_channels, 1)

    def forward(self, feature: Tensor, x_s: Tensor, x_d: Tensor) -> Tensor:
        deformation, occlusion = self.dense_motion_network(feature, x_s, x_d)
        warped = sample(feature, deformation).flatten(1, 2)  # (B, 32 * 16, 64, 64)
        return self.fourth(self.third(warped)) * occlusion


class SpadeNorm(nn.Module):
    """Instance norm, scaled and shifted by convolutions of the warped feature map (SPADE, arXiv 1903.07291, eq. 1)."""

    def __init__(self, channels: int, seg_channels: int, hidden: int) -> None:
        super().__init__()
        self.mlp_shared = nn.Sequential(nn.Conv2d(seg_channels, hidden, 3, padding=1), nn.ReLU())
        self.mlp_gamma = nn.Conv2d(hidden, channels, 3, padding=1)
        self.mlp_beta = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x: Tensor, seg: Tensor) -> Tensor:
        hidden = self.mlp_shared(F.interpolate(seg, size=x.shape[2:]))
        return F.instance_norm(x) * (1 + self.mlp_gamma(hidden)) + self.mlp_beta(hidden)


class SpadeBlock(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, seg_channels: int, hidden: int) -> None:
        super().__init__()
        middle = min(in_channels, out_channels)
        self.conv_0 = spectral_norm(nn.Conv2d(in_channels, middle, 3, padding=1))
        self.conv_1 = spectral_norm(nn.Conv2d(middle, out_channels, 3, padding=1))
        self.norm_0 = SpadeNorm(in_channels, seg_channels, hidden)
        self.norm_1 = SpadeNorm(middle, seg_channels, hidden)
        self.learned_shortcut = in_channels != out_channels
        if self.learned_shortcut:
            self.conv_s = spectral_norm(nn.Conv2d(in_channels, out_channels, 1, bias=False))
            self.norm_s = SpadeNorm(in_channels, seg_channels, hidden)

    def forward(self, x: Tensor, seg: Tensor) -> Tensor:
        shortcut = self.conv_s(self.norm_s(x, seg)) if self.learned_shortcut else x
        dx = self.conv_0(F.leaky_relu(self.norm_0(x, seg), SPADE_SLOPE))
        dx = self.conv_1(F.leaky_relu(self.norm_1(dx, seg), SPADE_SLOPE))
        return shortcut + dx


class SpadeGenerator(nn.Module):
    """G: warped feature map (B, 256, 64, 64) -> image (B, 3, 512, 512) in [0, 1]."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        seg, hidden = config.input_channels, config.modulation_width
        self.middle_blocks, self.up_blocks = config.middle_blocks, len(config.up_widths)
        self.fc = nn.Conv2d(seg, config.width, 3, padding=1)
        for i in range(config.middle_blocks):
            self.add_module(f"G_middle_{i}", SpadeBlock(config.width, config.width, seg, hidden))
        widths = (config.width, *config.up_widths)
        for i, (width_in, width_out) in enumerate(pairwise(widths)):
            self.add_module(f"up_{i}", SpadeBlock(width_in, width_out, seg, hidden))
        shuffle = config.pixel_shuffle
        self.conv_img = nn.Sequential(nn.Conv2d(widths[-1], 3 * shuffle**2, 3, padding=1), nn.PixelShuffle(shuffle))

    def forward(self, seg: Tensor) -> Tensor:
        x = self.fc(seg)  # (B, 512, 64, 64)
        for i in range(self.middle_blocks):
            x = self.get_submodule(f"G_middle_{i}")(x, seg)
        for i in range(self.up_blocks):
            x = self.get_submodule(f"up_{i}")(F.interpolate(x, scale_factor=2), seg)  # (B, 64, 256, 256) in the end
        return self.conv_img(F.leaky_relu(x, SPADE_SLOPE)).sigmoid()  # (B, 3, 512, 512)

    def fold_spectral_norm(self) -> None:
        """Replace each weight_orig, weight_u, weight_v by the one kernel that inference needs; exact, after loading."""
        for module in self.modules():
            if hasattr(module, "weight_orig"):
                remove_spectral_norm(module)


class RetargetingMLP(nn.Module):
    def __init__(self, *widths: int) -> None:
        super().__init__()
        layers = [nn.Linear(*pair) for pair in pairwise(widths)]
        self.mlp = nn.Sequential(*(part for layer in layers[:-1] for part in (layer, nn.ReLU())), layers[-1])

    def forward(self, x: Tensor) -> Tensor:
        return self.mlp(x)


class Retargeting(nn.Module):
    """S and R: the stitching MLP (`retarget_shoulder`) and the lip and eye retargeting MLPs, K keypoints each.

    Inputs: stitching (B, 6 K) = x_s, x_d; lip (B, 3 K + 2) = x_s, source and wanted ratio;
    eye (B, 3 K + 3) = x_s, left, right and wanted ratio. Outputs: (B, 3 K) deltas, followed by dx, dy for stitching.
    """

    def __init__(self, config: RetargetingConfig) -> None:
        super().__init__()
        points = 3 * config.keypoints
        self.retarget_shoulder = RetargetingMLP(2 * points, *config.stitching, points + 2)
        self.retarget_mouth = RetargetingMLP(points + 2, *config.lip, points)
        self.retarget_eye = RetargetingMLP(points + 3, *config.eye, points)
