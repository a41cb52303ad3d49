"""The published pipeline in PyTorch from files to frames, with this package's code around the networks."""

from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import torch

import benchmarks.torch_baseline as baseline
from kdtalker_jax.edits.smoothing import smooth
from kdtalker_jax.faces.crop import crop_portrait
from kdtalker_jax.faces.detector import FaceDetector
from kdtalker_jax.features.mel import mel_spectrogram, mel_windows
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.image import read_image
from kdtalker_jax.media.rates import num_frames
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.spaces.geometry import drive
from kdtalker_jax.spaces.keypoints import Motion, denormalise


def torch_device() -> torch.device:
    """The same one that JAX uses."""
    return torch.device("cpu" if jax.default_backend() == "cpu" else "cuda")


class TorchPortrait:
    """Random networks of the published layout, eager float32, 50 steps of ddim."""

    def __init__(self, config: ModelConfig, device: torch.device) -> None:
        self.config, self.device = config, device
        self.networks = baseline.random_networks(config, device)

    @torch.inference_mode()
    def frames(self, picture: Path, recording: Path, batch_size: int) -> Iterator[np.ndarray]:
        """uint8 (b, H, W, 3), b at most `batch_size`; the picture is already cut to the face."""
        size = self.config.appearance.image_size
        image = crop_portrait(read_image(picture), "none", FaceDetector(None), size=size).image
        image = torch.from_numpy(image).to(self.device).permute(2, 0, 1)[None] / 255  # (1, 3, S, S)
        volume = self.networks.appearance(image)  # (1, C, D, H, W)
        info = baseline.keypoint_info(self.networks.motion_extractor, image)
        keypoints = self._driving(info, self._motion(info, load_waveform(recording)))
        for moved in keypoints.split(batch_size):
            volumes, sources = (x.expand(len(moved), *x.shape[1:]) for x in (volume, info["x_s"]))
            frames = baseline.render(self.networks.warping, self.networks.generator, volumes, sources, moved)
            yield baseline.to_uint8(frames).cpu().numpy()

    def _motion(self, info: dict[str, torch.Tensor], waveform: np.ndarray) -> np.ndarray:
        """Waveform (samples,) -> motion vectors (T, 70)."""
        count, window = num_frames(len(waveform)), self.config.denoiser.window
        mel = torch.from_numpy(mel_windows(mel_spectrogram(waveform), 0, count)).to(self.device)  # (T, 80, 16)
        features = baseline.audio_features(self.networks.audio_encoder, mel)  # (T, 512)
        noise = torch.randn(-(-count // window), window, self.config.denoiser.motion_size, device=self.device)
        tokens = baseline.motion_tokens(info, self.config.statistics)
        motion = baseline.animate(self.networks.denoiser, features, noise, *tokens)
        return denormalise(motion.cpu().numpy(), self.config.statistics)

    def _driving(self, info: dict[str, torch.Tensor], motion: np.ndarray) -> torch.Tensor:
        """Motion vectors (T, 70) -> driving keypoints (T, K, 3), smoothed, in absolute mode."""
        names = ("scale", "yaw", "pitch", "roll")
        own = {name: info[name].cpu().numpy() for name in (*names, "t", "exp", "kp")}
        source = Motion(**{name: own[name][:, 0] for name in names}, t=own["t"], exp=own["exp"])
        return torch.from_numpy(drive(own["kp"][0], source, smooth(Motion.from_vector(motion)))).to(self.device)
