"""What a denoiser makes of a clip's sound, drawn over what really happened: pose and mouth."""

from functools import partial

import cv2
import jax
import numpy as np

from configs.training import TrainingConfig
from kdtalker_jax.diffusion.noise import window_noise
from kdtalker_jax.diffusion.samplers import make_sampler, with_defaults
from kdtalker_jax.diffusion.schedule import schedule_of
from kdtalker_jax.motion_models.kdtalker.model import Carry, Noise, sample_window
from kdtalker_jax.motion_models.kdtalker.parts import DENOISER
from kdtalker_jax.motion_models.kdtalker.training.input import MotionClip
from kdtalker_jax.spaces.keypoints import canonical_token, denormalise, normalise, split
from kdtalker_jax.spaces.statistics import MotionStatistics

# The keypoint at the middle of the lower lip (its canonical place is in the statistics): its vertical displacement by
# the expression is how far the mouth is open.
MOUTH = 7 + 3 * 19 + 1

TRUTH, SAMPLED = (150, 150, 150), (20, 60, 200)  # RGB
PANEL_HEIGHT, PANEL_WIDTH, MARGIN = 140, 900, 24


class CurveSampler:
    """Samples the first windows of one clip, each window's reference the last frame of the one before."""

    def __init__(self, config: TrainingConfig, statistics: MotionStatistics, clip: MotionClip) -> None:
        window = config.denoiser.window
        windows = min(config.validation.sampled_windows, (clip.usable_length - 1) // window)
        motion, canonical, audio = clip.window(0, windows * window)
        self._statistics = statistics
        self._truth = motion[1:]  # (T, 70)
        self._reference = normalise(motion[0], statistics)  # (70,)
        self._canonical = canonical_token(canonical, statistics)  # (70,)
        self._audio = audio.reshape(windows, window, -1)  # (windows, L, 512)
        shape = (windows, window, len(self._reference))
        self._noise = window_noise(jax.random.key(0), shape, config.diffusion.noise_offset)
        sampler = with_defaults(None, config.validation.sampling_steps, config.diffusion.sampler)
        self._rule = make_sampler(*sampler, schedule_of(config.diffusion))
        self._sample = jax.jit(partial(sample_window, DENOISER.build(config), config.diffusion))

    def __call__(self, params: dict) -> np.ndarray:
        """The picture for parameters on this process: uint8 RGB (H, W, 3)."""
        state, sampled = Carry(self._canonical[None], self._reference[None]), []
        for i, (audio, start) in enumerate(zip(self._audio, self._noise, strict=True)):
            noise = Noise(start[None], jax.random.split(jax.random.key(i), 1))
            state, motion = self._sample({"params": params}, self._rule, state, audio[None], noise)
            sampled.append(np.asarray(motion[0]))  # (L, 70)
        return draw(self._truth, denormalise(np.concatenate(sampled), self._statistics))


def draw(truth: np.ndarray, sampled: np.ndarray) -> np.ndarray:
    """Yaw, pitch, roll in degrees and the mouth of two motions (T, 70), one panel each: uint8 RGB (H, W, 3)."""
    panels = [_panel(name, curves(truth)[name], curves(sampled)[name]) for name in ("yaw", "pitch", "roll", "mouth")]
    return np.concatenate(panels)


def curves(motion: np.ndarray) -> dict[str, np.ndarray]:
    """The curves that are drawn, (T,) each."""
    pose = split(motion)
    return {"yaw": pose.yaw, "pitch": pose.pitch, "roll": pose.roll, "mouth": motion[:, MOUTH]}


def _panel(name: str, truth: np.ndarray, sampled: np.ndarray) -> np.ndarray:
    """One pair of curves in axes that just hold them."""
    panel = np.full((PANEL_HEIGHT, PANEL_WIDTH, 3), 255, np.uint8)
    both = np.nan_to_num(np.stack([truth, sampled]))  # (2, T)
    low, high = float(both.min()), float(both.max())
    height, width = PANEL_HEIGHT - 2 * MARGIN, PANEL_WIDTH - 2 * MARGIN
    x = MARGIN + np.linspace(0, width, both.shape[1])
    for values, colour in zip(both, (TRUTH, SAMPLED), strict=True):
        y = MARGIN + height * (high - values) / max(high - low, 1e-6)
        points = np.stack([x, y], axis=1).round().astype(np.int32)  # (T, 2)
        cv2.polylines(panel, [points], False, colour, 2, cv2.LINE_AA)
    label = f"{name}  {low:.3g} .. {high:.3g}   grey: truth, blue: sampled"
    cv2.putText(panel, label, (MARGIN, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return panel
