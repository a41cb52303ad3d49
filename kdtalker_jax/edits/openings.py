"""Eyes and lips that shall be open so far, over time: as ratios of landmarks (`faces.openings`)."""

from collections.abc import Mapping

import numpy as np

from kdtalker_jax.edits.amplitudes import check_parts
from kdtalker_jax.edits.regions import EYES, LIP
from kdtalker_jax.edits.retargeting import Networks, Openings, eye_delta, lip_delta
from kdtalker_jax.spaces.heads import Heads

LARGEST_OPENING = 0.8
_KEYPOINTS = {"eyes": EYES, "lips": LIP}
OPENINGS = tuple(_KEYPOINTS)


def with_own(heads: Heads, own: Heads, name: str, weight: np.ndarray) -> Heads:
    """Heads (T) whose eyes or lips are the portrait's own by a weight (T,): the opening then starts from there."""
    check_parts(heads.exp.shape[1])
    keypoints = _KEYPOINTS[name]
    exp, weight = heads.exp.copy(), weight[:, None, None]
    exp[:, keypoints] = np.where(
        weight == 0, exp[:, keypoints], (1 - weight) * exp[:, keypoints] + weight * own.exp[:, keypoints]
    )
    return heads._replace(exp=exp)


def opened(
    own: np.ndarray, wanted: Mapping[str, tuple[np.ndarray, np.ndarray]], networks: Networks, openings: Openings
) -> np.ndarray:
    """What to add to keypoints, (T, K, 3).

    Args:
        own: the portrait's keypoints (1, K, 3).
        wanted: of eyes and lips: how far they shall be open, and how much that counts, (T,) each.
        networks: of the renderer. openings: of the portrait, one frame.
    """
    deltas = {"eyes": lambda far: eye_delta(networks, own, openings.eyes, far),
              "lips": lambda far: lip_delta(networks, own, openings.lips, far)}  # fmt: skip
    return sum(weight[:, None, None] * deltas[name](far) for name, (far, weight) in wanted.items())
