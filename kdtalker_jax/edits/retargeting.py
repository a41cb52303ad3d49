"""What is done to driving keypoints before they are rendered: stitching, wanted openings of eyes and lips, strength.

Openings are ratios of landmarks (`faces.openings`). Networks say how keypoints move when the opening of a portrait's
eyes or lips goes from one ratio to another (LivePortrait, arXiv 2407.03168, section 3.3).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kdtalker_jax.edits.reenactment import exaggerated, smoothed_driver
from kdtalker_jax.edits.regions import EYES

CLOSED_LIPS = 0.03  # lips that are open less need no closing
OPEN_EYES, HALF_SHUT_EYES = 0.39, 0.18  # what eyes are held at that the video's first frame has half shut
LIP_OBSERVATION_STRENGTH = 10.0  # of `smoothed_driver`, for deltas that hold a video's lips


class Networks(NamedTuple):
    """Of a renderer: numpy functions of the portrait's own keypoints (T, K, 3), or (1, K, 3) of a picture.

    Attributes:
        stitch: own, driving (T, K, 3) -> driving keypoints that keep the portrait's border.
        lips: own, ratios (T, 2) = (own, wanted) -> what to add to keypoints, (T, K, 3).
        eyes: own, ratios (T, 3) = (own left, own right, wanted) -> likewise.
    """

    stitch: Callable[[np.ndarray, np.ndarray], np.ndarray]
    lips: Callable[[np.ndarray, np.ndarray], np.ndarray]
    eyes: Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Openings:
    """How far eyes (T, 2: left and right in the picture) and lips (T,) are open; T may be 1."""

    eyes: np.ndarray
    lips: np.ndarray

    def at(self, frames: slice | np.ndarray) -> "Openings":
        return Openings(self.eyes[frames], self.lips[frames])


def lip_delta(networks: Networks, own: np.ndarray, lips: np.ndarray, wanted: float | np.ndarray) -> np.ndarray:
    """What to add for lips (T,) that shall be open as `wanted` says; own (T, K, 3). (T, K, 3)."""
    own, lips, wanted = _together(own, lips, np.atleast_1d(wanted))
    return networks.lips(own, np.stack([lips, wanted], axis=1).astype(np.float32))


def eye_delta(networks: Networks, own: np.ndarray, eyes: np.ndarray, wanted: float | np.ndarray) -> np.ndarray:
    """What to add for eyes (T, 2) that shall be open as `wanted` says; own (T, K, 3). (T, K, 3).

    Args:
        wanted: one number for all; (T,) for both eyes; or (T, 2) for each. The network has no such input: it is asked
            twice, and each eye's keypoints take their own answer.
    """
    wanted = np.atleast_1d(wanted)
    if wanted.ndim == 1:
        own, eyes, wanted = _together(own, eyes, wanted)
        return networks.eyes(own, np.column_stack([eyes, wanted]).astype(np.float32))
    left, right = (eye_delta(networks, own, eyes, wanted[:, side]) for side in (0, 1))
    share = left_share(own)[..., None]  # (T, K, 1)
    return share * left + (1 - share) * right


def left_share(own: np.ndarray) -> np.ndarray:
    """Of each keypoint (T, K, 3), how much it belongs to the left eye: 1, 0, or a half for what is no eye's."""
    share = np.full(own.shape[:2], 0.5)
    eyes = [keypoint for keypoint in EYES if keypoint < own.shape[1]]
    middle = own[:, eyes, 0].mean(axis=1, keepdims=True)
    share[:, eyes] = own[:, eyes, 0] < middle
    return share


def lips_closed(networks: Networks, own: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """What closes a portrait's lips (T,), so that a driver that moves them starts from there: 0 where they are shut."""
    delta = lip_delta(networks, own, lips, 0.0)
    return np.where((lips >= CLOSED_LIPS)[:, None, None], delta, 0)


def eyes_held(networks: Networks, own: np.ndarray, eyes: np.ndarray) -> np.ndarray:
    """What keeps the eyes (T, 2) of a video as open as in its first frame, or fully if they are half shut there."""
    wanted = float(eyes[0].mean())
    return eye_delta(networks, own, eyes, OPEN_EYES if wanted < HALF_SHUT_EYES else wanted)


def video_lips_held(networks: Networks, own: np.ndarray, lips: np.ndarray, wanted: float) -> np.ndarray:
    """What holds a video's lips (T,) at one opening, smoothed over time: (T, K, 3), own (T, K, 3)."""
    delta = lip_delta(networks, own, lips, wanted)
    return smoothed_driver(delta.astype(np.float64), LIP_OBSERVATION_STRENGTH)


def finished(
    driving: np.ndarray,
    own: np.ndarray,
    networks: Networks | None,
    *,
    stitch: bool = False,
    wanted: np.ndarray | None = None,
    corrections: np.ndarray | None = None,
    multiplier: float = 1.0,
) -> np.ndarray:
    """Driving keypoints as the renderer takes them, (T, K, 3).

    Args:
        driving: (T, K, 3). own: the portrait's keypoints (T, K, 3), or (1, K, 3).
        networks: of the renderer; None where nothing of them is asked for.
        stitch: keep the portrait's border.
        wanted: what `lip_delta` and `eye_delta` give: added before stitching.
        corrections: what `lips_closed` and `eyes_held` give: added after stitching, unless eyes or lips are wanted
            otherwise.
        multiplier: how many times as far from the portrait.
    """
    if wanted is not None:
        driving = driving + wanted
    if stitch:
        driving = networks.stitch(own.astype(np.float32), driving.astype(np.float32))
    if wanted is None and corrections is not None:
        driving = driving + corrections
    return driving if multiplier == 1 else exaggerated(own, driving, multiplier)


def _together(*arrays: np.ndarray) -> list[np.ndarray]:
    """With as many frames as the longest; others have one."""
    frames = max(len(array) for array in arrays)
    return [np.broadcast_to(array, (frames, *array.shape[1:])) for array in arrays]
