"""Portraits, features and parameters for tests of Playmate."""

import numpy as np

from configs.playmate import SMALL, STATISTICS
from kdtalker_jax.motion_models.playmate.parts import PARTS
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.spaces.implicit_keypoints import Head
from kdtalker_jax.spaces.keypoints import Motion

SIZES = SMALL.diffusion_transformer
WIDTH = SIZES.audio_features


def variables() -> dict:
    """Of both networks, as if they were trained."""
    return {part.name: random_variables(part.name, SMALL) for part in PARTS}


def head(seed: int = 0) -> Head:
    random = np.random.default_rng(seed)
    motion = Motion(
        scale=[1.5], yaw=[5.0], pitch=[-3.0], roll=[1.0], t=[[0.01, -0.02, 0.0]], exp=0.01 * random.normal(size=(1, 63))
    )
    return Head(np.float32(STATISTICS.kp_mean) + np.float32(0.01 * random.normal(size=63)), motion)


def features(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((frames, WIDTH)).astype(np.float32)


def swing(frames: int) -> Motion:
    """A head that turns to and fro."""
    wave = np.sin(np.arange(frames) / 9)
    zeros = np.zeros(frames)
    return Motion(
        1.4 + 0.1 * wave, 20 * wave, 5 * wave, zeros, np.stack([0.05 * wave, zeros, zeros], 1), np.zeros((frames, 63))
    )
