"""The published pipeline around the networks, as plain functions. Angles are degrees, arrays channels first."""

import torch
from torch import Tensor, nn

from benchmarks.torch_baseline.renderer import Retargeting
from benchmarks.torch_baseline.speech import AudioEncoder, Denoiser
from kdtalker_jax.spaces.statistics import MotionStatistics

MOTION = ("scale", "yaw", "pitch", "roll", "t", "exp")  # the order of the 70 numbers of a frame
TRAINING_STEPS = 1000
CONTEXT = 2  # tokens in front of a window: canonical keypoints and reference frame


def degrees(logits: Tensor) -> Tensor:
    """Expected angle of bins 3 degrees wide: (B, 66) -> (B, 1)."""
    bins = torch.arange(logits.shape[-1], device=logits.device, dtype=torch.float32)
    return (logits.float().softmax(-1) * bins).sum(-1, keepdim=True) * 3 - 97.5


def rotation_matrix(pitch: Tensor, yaw: Tensor, roll: Tensor) -> Tensor:
    """(Rz(roll) Ry(yaw) Rx(pitch))^T for row vectors: three times (B, 1) -> (B, 3, 3)."""
    x, y, z = (angle.squeeze(-1).deg2rad() for angle in (pitch, yaw, roll))
    one, zero = torch.ones_like(x), torch.zeros_like(x)

    def matrix(*entries: Tensor) -> Tensor:
        return torch.stack(entries, -1).unflatten(-1, (3, 3))

    rx = matrix(one, zero, zero, zero, x.cos(), -x.sin(), zero, x.sin(), x.cos())
    ry = matrix(y.cos(), zero, y.sin(), zero, one, zero, -y.sin(), zero, y.cos())
    rz = matrix(z.cos(), -z.sin(), zero, z.sin(), z.cos(), zero, zero, zero, one)
    return (rz @ ry @ rx).mT


def pose_keypoints(info: dict[str, Tensor]) -> Tensor:
    """x = scale (kp R + exp) + (t_x, t_y, 0): (B, K, 3)."""
    kp, exp = (info[name].unflatten(-1, (-1, 3)) for name in ("kp", "exp"))  # (B, K, 3)
    shift = info["t"] * info["t"].new_tensor([1, 1, 0])
    rotation = rotation_matrix(info["pitch"], info["yaw"], info["roll"])
    return info["scale"][:, :, None] * (kp @ rotation + exp) + shift[:, None]


@torch.inference_mode()
def keypoint_info(motion_extractor: nn.Module, image: Tensor) -> dict[str, Tensor]:
    """Image (B, 3, 256, 256) in [0, 1] -> pitch, yaw, roll, scale (B, 1), t (B, 3), exp, kp (B, 63), x_s (B, 21, 3)."""
    heads = {name: head.float() for name, head in motion_extractor(image).items()}
    info = heads | {name: degrees(heads[name]) for name in ("pitch", "yaw", "roll")}
    return info | {"x_s": pose_keypoints(info)}


@torch.inference_mode()
def render(warping: nn.Module, generator: nn.Module, feature: Tensor, x_s: Tensor, x_d: Tensor) -> Tensor:
    """Feature volume (B, 32, 16, 64, 64), keypoints (B, 21, 3) -> frames (B, 3, 512, 512) in [0, 1], float32."""
    return generator(warping(feature, x_s, x_d)).float()


def to_uint8(frames: Tensor) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> (B, H, W, 3) uint8, rounded down."""
    return (255 * frames.clamp(0, 1)).to(torch.uint8).permute(0, 2, 3, 1)


@torch.inference_mode()
def stitch(retargeting: Retargeting, x_s: Tensor, x_d: Tensor) -> Tensor:
    """Driving keypoints moved so that the frame fits the portrait's shoulders: (B, 21, 3)."""
    delta = retargeting.retarget_shoulder(torch.cat((x_s, x_d), 1).flatten(1))  # (B, 65)
    x_d = x_d + delta[:, :-2].unflatten(-1, (-1, 3))
    return torch.cat((x_d[..., :2] + delta[:, None, -2:], x_d[..., 2:]), -1)


@torch.inference_mode()
def audio_features(encoder: AudioEncoder, windows: Tensor, batch: int = 256) -> Tensor:
    """Mel windows (T, 80, 16) -> (T, 512)."""
    return torch.cat([encoder(part) for part in windows[:, None].split(batch)])


def motion_tokens(info: dict[str, Tensor], statistics: MotionStatistics) -> tuple[Tensor, Tensor]:
    """The two tokens in front of the first window, each (B, 70): canonical keypoints and the source's own motion."""

    def normalised(name: str) -> Tensor:
        mean, std = (info[name].new_tensor(getattr(statistics, f"{name}_{kind}")) for kind in ("mean", "std"))
        return (info[name] - mean) / std

    reference = torch.cat([normalised(name) for name in MOTION], -1)
    kp = normalised("kp")
    return torch.cat((kp.new_zeros(len(kp), reference.shape[-1] - kp.shape[-1]), kp), -1), reference


@torch.inference_mode()
def ddim(
    denoiser: Denoiser, noise: Tensor, canonical: Tensor, reference: Tensor, audio: Tensor, steps: int = 50
) -> Tensor:
    """DDIM (arXiv 2010.02502, equation 12) with eta 0: one batch of windows of normalised motion (B, 64, 70), float32.

    noise (B, 64, 70), canonical and reference tokens (B, 70), audio features (B, 64, 512).
    """
    dtype = audio.dtype
    alphas = (1 - torch.linspace(1e-5, 8e-3, TRAINING_STEPS)).cumprod(0).tolist()  # products of (1 - beta)
    stride = TRAINING_STEPS // steps
    front = torch.stack((canonical, reference), 1)  # (B, 2, 70)
    audio = torch.cat((audio.new_zeros(len(audio), CONTEXT, audio.shape[-1]), audio), 1)  # (B, 66, 512)
    x = noise.float()
    for t in reversed(range(0, steps * stride, stride)):
        alpha, alpha_next = alphas[t], alphas[t - stride] if t else 1.0
        time = torch.full((len(x),), t, device=x.device)
        eps = denoiser(torch.cat((front, x), 1).to(dtype), time, audio)[:, CONTEXT:].float()  # (B, 64, 70)
        clean = (x - (1 - alpha) ** 0.5 * eps) / alpha**0.5
        x = alpha_next**0.5 * clean + (1 - alpha_next) ** 0.5 * eps
    return x


def animate(
    denoiser: Denoiser, features: Tensor, noise: Tensor, canonical: Tensor, reference: Tensor, steps: int = 50
) -> Tensor:
    """Normalised motion (T, 70) of a recording, window by window; the last frame of one is the reference of the next.

    features (T, 512), noise (windows, 64, 70), canonical and reference (1, 70).
    """
    frames, length = len(features), noise.shape[1]
    # The last window is filled up with the recording's start.
    wrapped = torch.arange(len(noise) * length, device=features.device) % frames
    windows = features[wrapped].unflatten(0, (-1, length))  # (windows, 64, 512)
    motion = []
    for start, audio in zip(noise, windows, strict=True):
        motion.append(ddim(denoiser, start[None], canonical, reference, audio[None], steps))
        reference = motion[-1][:, -1]
    return torch.cat(motion, 1)[0, :frames]
