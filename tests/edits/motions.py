"""Motions out of nothing, for tests of edits."""

import numpy as np

from kdtalker_jax.spaces.keypoints import Motion


def motion(frames: int, seed: int) -> Motion:
    """Of 21 keypoints and a size about 1.2, turned by up to some tens of degrees."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(0, 0.1, (frames, 70))
    numbers[:, 0] += 1.2
    numbers[:, 1:4] *= 100
    return Motion.from_vector(numbers)
