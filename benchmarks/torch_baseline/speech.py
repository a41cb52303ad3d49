"""Networks from speech to motion: Wav2Lip's audio encoder A and the denoiser D (KDTalker, section 3)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdtalker_jax.features.wav2lip.config import AudioEncoderConfig
from kdtalker_jax.motion_models.kdtalker.config import DenoiserConfig

Stride = int | tuple[int, int]


class AudioBlock(nn.Module):
    def __init__(
        self, *channels: int, kernel: int = 3, padding: int = 1, stride: Stride = 1, residual: bool = False
    ) -> None:
        super().__init__()
        conv = nn.Conv2d(*channels, kernel, stride, padding)
        self.conv_block = nn.Sequential(conv, nn.BatchNorm2d(channels[-1]))
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv_block(x)
        return F.relu(h + x if self.residual else h)


class AudioEncoder(nn.Sequential):
    """A: mel windows (T, 1, 80, 16) -> audio features (T, 512)."""

    def __init__(self, config: AudioEncoderConfig) -> None:
        a, b, c, d, e = config.widths

        def residual(width: int) -> AudioBlock:
            return AudioBlock(width, width, residual=True)

        super().__init__(
            AudioBlock(1, a), residual(a), residual(a),
            AudioBlock(a, b, stride=(3, 1)), residual(b), residual(b),
            AudioBlock(b, c, stride=3), residual(c), residual(c),
            AudioBlock(c, d, stride=(3, 2)), residual(d),
            AudioBlock(d, e, padding=0), AudioBlock(e, e, kernel=1, padding=0),
        )  # fmt: skip

    def forward(self, mel: Tensor) -> Tensor:
        return super().forward(mel).flatten(1)


def time_embedding(t: Tensor, size: int) -> Tensor:
    """Sinusoids of the time step: (B,) -> (B, size), sines then cosines, float32."""
    half = size // 2
    frequencies = torch.exp(-torch.arange(half, device=t.device) * (math.log(10000) / (half - 1)))
    angles = t.float()[:, None] * frequencies
    return torch.cat((angles.sin(), angles.cos()), -1)


def relative_buckets(length: int, buckets: int, max_distance: int) -> Tensor:
    """Bucket of every (query, key) pair: (L, L) int64; T5 (arXiv 1910.10683, section 2.1), both directions."""
    position = torch.arange(length)
    offset = position[:, None] - position[None]  # query - key
    half, exact = buckets // 2, buckets // 4
    distance = offset.abs()
    ratio = torch.log(distance.clamp(min=1).double() / exact) / math.log(max_distance / exact)
    far = (exact + (ratio * (half - exact)).floor().long()).clamp(max=half - 1)
    return half * (offset < 0) + torch.where(distance < exact, distance, far)


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Rotary positions (arXiv 2104.09864): turn pairs (0, 1), (2, 3), ... of (..., L, C) by angles (L, n), 2 n <= C."""
    size = 2 * angles.shape[-1]
    cos, sin = angles.cos(), angles.sin()
    a, b = x[..., :size].float().unflatten(-1, (-1, 2)).unbind(-1)  # each (..., L, n)
    rotated = torch.stack((a * cos - b * sin, b * cos + a * sin), -1).flatten(-2)
    return torch.cat((rotated.to(x.dtype), x[..., size:]), -1)


class LayerNorm(nn.Module):
    """Layer norm whose parameters have the shape (1, 1, C)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(1, 1, width))
        self.beta = nn.Parameter(torch.zeros(1, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self.gamma.flatten(), self.beta.flatten())


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, width)
        self.norm = LayerNorm(width)  # the second block of each pair carries one that nothing uses

    def forward(self, x: Tensor, scale: Tensor | None = None, shift: Tensor | None = None) -> Tensor:
        h = self.proj(x)
        if scale is not None:
            h = self.norm(h) * (1 + scale) + shift
        return F.silu(h)


class ResidualBlock(nn.Module):
    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(condition, 2 * width))
        self.block1, self.block2 = Block(width), Block(width)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.mlp(condition).chunk(2, -1)
        return x + self.block2(self.block1(x, scale, shift))


class RotaryEmbedding(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("freqs", 10000.0 ** (-torch.arange(0, size, 2) / size))

    def forward(self, length: int) -> Tensor:
        return torch.arange(length, device=self.freqs.device)[:, None] * self.freqs.float()  # (L, size / 2)


class Attention(nn.Module):
    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.heads, inner = config.heads, config.heads * config.head_size
        self.to_qkv = nn.Linear(config.width, 3 * inner, bias=False)
        self.proj = nn.Linear(inner, config.width)
        self.rotary_emb = RotaryEmbedding(config.rotary_size)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        qkv = self.to_qkv(x).unflatten(-1, (3, self.heads, -1))  # (B, L, 3, heads, 64)
        qkv = qkv.permute(2, 0, 3, 1, 4)  # (3, B, heads, L, 64)
        q, k = rotate(qkv[:2], self.rotary_emb(x.shape[1]))  # each (B, heads, L, 64)
        out = F.scaled_dot_product_attention(q, k, qkv[2], attn_mask=bias)
        return self.proj(out.transpose(1, 2).flatten(2))  # (B, L, width)


class PreNorm(nn.Module):
    def __init__(self, width: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm, self.fn = LayerNorm(width), fn

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        return self.fn(self.norm(x), bias)


class Residual(nn.Module):
    def __init__(self, fn: nn.Module) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        return x + self.fn(x, bias)


class Denoiser(nn.Module):
    """D: tokens (B, 66, 70), time step t (B,), audio features (B, 66, 512) -> noise estimate (B, 66, 70).

    Token 0 is the canonical keypoints, token 1 the reference frame, tokens 2.. are x_t.
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        width, time = config.width, config.time_features
        condition = time + config.audio_features
        # Place 0 is the sinusoid's in the published names.
        self.time_mlp = nn.Sequential(nn.Identity(), nn.Linear(width, time), nn.SiLU(), nn.Linear(time, time))
        self.input_projection = nn.Linear(config.motion_size, width)
        self.output_projection = nn.Linear(width, config.motion_size)
        self.time_rel_pos_bias = nn.Module()
        self.time_rel_pos_bias.relative_attention_bias = nn.Embedding(config.bias_buckets, config.heads)
        self.layers = nn.ModuleList(
            nn.ModuleList([
                ResidualBlock(width, condition),
                ResidualBlock(width, condition),
                Residual(PreNorm(width, Attention(config))),
            ])
            for _ in range(config.layers)
        )  # fmt: skip
        self.positional_encoding = nn.Module()  # in the file, used by nothing
        self.positional_encoding.register_buffer("freq_bands", 2.0 ** torch.arange(1, 11))
        buckets = relative_buckets(config.window + 2, config.bias_buckets, config.bias_max_distance)
        self.register_buffer("buckets", buckets, persistent=False)

    def forward(self, x: Tensor, t: Tensor, audio: Tensor) -> Tensor:
        h = self.input_projection(x)  # (B, 66, 768)
        time = self.time_mlp(time_embedding(t, self.config.width).to(h.dtype))  # (B, 256)
        condition = torch.cat((time[:, None].expand(-1, x.shape[1], -1), audio), -1)  # (B, 66, 256 + 512)
        bias = self.time_rel_pos_bias.relative_attention_bias(self.buckets).permute(2, 0, 1)  # (heads, 66, 66)
        for first, second, attention in self.layers:
            h = attention(second(first(h, condition), condition), bias)
        return self.output_projection(h)  # (B, 66, 70)
