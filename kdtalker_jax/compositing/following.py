"""A person's outline in every frame: that of the still picture, carried along by what moves.

Each frame is compared with the still picture itself, so that errors do not add up and frames do not wait for others.
"""

import cv2
import numpy as np

from kdtalker_jax.compositing.person import refined

_PURE = 4  # power of alpha by which colours count: those of mixed pixels hardly
_FLOW_SIDE = 256  # pixels of the side in which motion is looked for
_EDGE = 1 / 64  # of the side: how far from the carried outline the frame's own edges are looked for
_BLUR_SIDE = 128  # pixels in which colours around an outline are averaged
_REACH = 1 / 12  # of the side: from how far colours come where the outline is soft


class Follower:
    """The outline in frames that show what a still picture shows, moved.

    Args:
        still: uint8 RGB (h, w, 3).
        alpha: uint8 (h, w), how much of it is the person.
    """

    def __init__(self, still: np.ndarray, alpha: np.ndarray) -> None:
        self.alpha = alpha
        height, width = still.shape[:2]
        scale = min(_FLOW_SIDE / max(height, width), 1.0)
        self._size = max(round(width * scale), 16), max(round(height * scale), 16)
        self._grey = self._small_grey(still)
        self._small_alpha = cv2.resize(alpha, self._size, interpolation=cv2.INTER_AREA)
        self._flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        x, y = np.arange(self._size[0], dtype=np.float32), np.arange(self._size[1], dtype=np.float32)
        self._place = np.stack(np.meshgrid(x, y), axis=-1)  # (h', w', 2) x and y
        self._opaque = int(alpha.min()) == 255

    def _small_grey(self, picture: np.ndarray) -> np.ndarray:
        return cv2.cvtColor(cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """How much of a frame (h, w, 3) is the person: float32 (h, w), 0 to 1."""
        if self._opaque:
            return np.ones(frame.shape[:2], np.float32)
        flow = self._flow.calc(self._small_grey(frame), self._grey, None)  # where in the still each pixel was
        place = self._place + cv2.GaussianBlur(flow, (0, 0), 2)
        carried = cv2.remap(self._small_alpha, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        carried = carried.astype(np.float32) / 255
        small = cv2.resize(frame, self._size, interpolation=cv2.INTER_AREA)
        radius = max(round(_EDGE * max(self._size)), 1)
        return refined(carried, small, radius, whole=frame)


def foreground(picture: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The person's own colours, without what shines through a soft outline: float32 (h, w, 3).

    Blur fusion (Forte 2021, arXiv 2107.00711), once.

    Args:
        picture: uint8 RGB (h, w, 3). alpha: float32 (h, w).
    """
    height, width = alpha.shape
    scale = min(_BLUR_SIDE / max(height, width), 1.0)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small, share = (cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (picture, alpha))
    small, share = small.astype(np.float32), share[..., None]
    side = (2 * max(round(_REACH * max(size)), 2) + 1,) * 2
    person, behind = (_mean(small, weight, side) for weight in (share**_PURE, (1 - share) ** _PURE))
    person, behind = (cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR) for part in (person, behind))
    alpha = alpha[..., None]
    colours = person + alpha * (picture - alpha * person - (1 - alpha) * behind)
    return np.clip(colours, 0, 255)


def _mean(picture: np.ndarray, weight: np.ndarray, side: tuple[int, int]) -> np.ndarray:
    """Of the colours (h, w, 3) around each pixel, by weights (h, w, 1)."""
    return cv2.blur(picture * weight, side) / (cv2.blur(weight, side)[..., None] + 1e-8)
