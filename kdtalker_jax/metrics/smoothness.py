"""Jitter, and jumps where the windows that motion was sampled in meet."""

import numpy as np

from kdtalker_jax.media.rates import FRAME_RATE


def jitter(keypoints: np.ndarray) -> float:
    """Mean length of the third derivative in time: what trembles has much of it, what moves smoothly little.

    keypoints (T, K, D) in units u -> u per s^3 (the jitter of Yi et al., arXiv 2105.04605). NaN below four frames.
    """
    if len(keypoints) < 4:
        return np.nan
    jerk = np.diff(keypoints, n=3, axis=0) * FRAME_RATE**3  # (T - 3, K, D)
    return float(np.linalg.norm(jerk, axis=-1).mean())


def window_jump(keypoints: np.ndarray, window: int) -> float:
    """How far keypoints (T, K, D) move from the last frame of a window to the first of the next, relative to how far
    they move between two frames elsewhere: 1 where no boundary can be seen.

    NaN where there is no boundary, and where nothing moves elsewhere.
    """
    steps = np.linalg.norm(np.diff(keypoints, axis=0), axis=-1).mean(axis=-1)  # (T - 1,)
    crosses = np.arange(1, len(steps) + 1) % window == 0  # step i leads to frame i + 1
    if not crosses.any() or not steps[~crosses].any():
        return np.nan
    return float(steps[crosses].mean() / steps[~crosses].mean())
