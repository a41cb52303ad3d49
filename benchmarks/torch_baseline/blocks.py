"""What the published networks share."""

import torch.nn.functional as F
from torch import Tensor, nn

CONV = {2: nn.Conv2d, 3: nn.Conv3d}
BATCH_NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


class ConvBlock(nn.Module):
    """Convolution of width 3, batch norm, leaky ReLU (by default plain ReLU), in two or three dimensions."""

    def __init__(self, dims: int, in_channels: int, out_channels: int, negative_slope: float = 0.0) -> None:
        super().__init__()
        self.conv = CONV[dims](in_channels, out_channels, 3, padding=1)
        self.norm = BATCH_NORM[dims](out_channels)
        self.negative_slope = negative_slope

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.norm(self.conv(x)), self.negative_slope)
