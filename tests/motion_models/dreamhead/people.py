"""Faces, features and parameters for tests of DreamHead."""

import numpy as np

from configs.dreamhead import SMALL
from kdtalker_jax.motion_models.dreamhead.parts import PARTS
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.spaces.landmarks.pose import Pose
from kdtalker_jax.spaces.landmarks.space import Face, LandmarkMotion

SIZES, STATISTICS = SMALL.landmark_denoiser, SMALL.statistics
WIDTH = SIZES.audio_features


def variables() -> dict:
    return {part.name: random_variables(part.name, SMALL) for part in PARTS}


def face(seed: int = 0) -> Face:
    """A portrait with its mouth a little open."""
    random = np.random.default_rng(seed)
    identity = STATISTICS.shape("template") + 0.05 * random.normal(size=(162, 3))
    offsets = 0.02 * random.normal(size=(1, 162, 3))
    pose = Pose(np.ones(1), np.eye(3)[None], np.zeros((1, 3)))
    return Face(identity, pose, LandmarkMotion(offsets, identity + offsets))


def features(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((frames, WIDTH)).astype(np.float32)
