"""Eyes and lips that shall be open so far, over time: as ratios of landmarks (`faces.openings`)."""

from collections.abc import Mapping

import numpy as np

from kdtalker_jax.edits.amplitudes import check_parts
from kdtalker_jax.edits.regions import EYES, LIP
from kdtalker_jax.edits.retargeting import Networks, Openings, eye_delta, left_share, lip_delta
from kdtalker_jax.spaces.heads import Heads

LARGEST_OPENING = 0.8
OPENINGS = ("eyes", "left_eye", "right_eye", "lips")  # left and right in the picture


def with_own(heads: Heads, own: Heads, keypoints: np.ndarray, name: str, weight: np.ndarray) -> Heads:
    """Heads (T) whose eyes or lips are the portrait's own by a weight (T,): the opening then starts from there.

    Args:
        heads: T frames. own: the portrait's, one frame or T, with its keypoints (1 or T, K, 3) in the picture.
        name: of `OPENINGS`. weight: (T,).
    """
    check_parts(heads.exp.shape[1])
    moved = weight[:, None, None] * _share(keypoints, name)[..., None]  # (T, K, 1)
    return heads._replace(exp=np.where(moved == 0, heads.exp, (1 - moved) * heads.exp + moved * own.exp))


def opened(
    own: np.ndarray, wanted: Mapping[str, tuple[np.ndarray, np.ndarray]], networks: Networks, openings: Openings
) -> np.ndarray:
    """What to add to keypoints, (T, K, 3).

    Args:
        own: the portrait's keypoints (1 or T, K, 3).
        wanted: by name of `OPENINGS`: how far it shall be open, and how much that counts, (T,) each.
        networks: of the renderer. openings: of the portrait, one frame or T.
    """
    total = 0.0
    for name, (far, weight) in wanted.items():
        if name == "lips":
            delta = lip_delta(networks, own, openings.lips, far)
        else:
            delta = eye_delta(networks, own, openings.eyes, far) * _side(own, name)[..., None]
        total = total + weight[:, None, None] * delta
    return total


def _share(own: np.ndarray, name: str) -> np.ndarray:
    """Of each keypoint of a portrait (1 or T, K, 3), whether it is opened: (1 or T, K)."""
    listed = np.isin(np.arange(own.shape[1]), LIP if name == "lips" else EYES)
    return listed * _side(own, name)


def _side(own: np.ndarray, name: str) -> np.ndarray | float:
    """How much keypoints (1 or T, K, 3) belong to the eye, (1 or T, K); 1 where both are meant."""
    if name == "left_eye":
        return left_share(own)
    return 1 - left_share(own) if name == "right_eye" else np.ones(own.shape[:2])
