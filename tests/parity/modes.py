"""The recorded modes of LivePortrait, and its inputs as the library has them."""

import numpy as np

from kdtalker_jax.spaces.heads import Heads, rotation_of


class Modes(dict):
    """Arrays by name."""

    @property
    def canonical(self) -> np.ndarray:
        return self["in/source/kp"]

    @property
    def own(self) -> Heads:
        return self._heads("source")

    @property
    def video_canonical(self) -> np.ndarray:
        return self["in/video/kp"]

    @property
    def video(self) -> Heads:
        return self._heads("video")

    @property
    def driver(self) -> Heads:
        scale, *others = (self[f"in/driving/{name}"].astype(np.float64) for name in ("scale", "R", "exp", "t"))
        return Heads(scale[:, 0], *others)

    @property
    def angles(self) -> np.ndarray:
        """Of the source: pitch, yaw, roll (3,) in degrees."""
        return self["in/source/pyr"].astype(np.float64)

    def _heads(self, name: str) -> Heads:
        scale, pyr, exp, t = (self[f"in/{name}/{part}"].astype(np.float64) for part in ("scale", "pyr", "exp", "t"))
        if name == "source":
            scale, pyr, exp, t = scale[None], pyr[None], exp[None], t[None]
        return Heads(scale[:, 0], rotation_of(*pyr.T), exp, t)


def assert_keypoints(actual: np.ndarray, recorded: np.ndarray) -> None:
    assert actual.shape == recorded.shape
    np.testing.assert_allclose(actual, recorded, rtol=0, atol=1e-5)
