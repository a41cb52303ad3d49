"""AdvancedLivePortrait's editor as published, for comparison: there the expression turns with the head.

So its neutral sliders move the head a little; `sliders.edited` keeps LivePortrait's order, where they do nothing.
"""

from collections.abc import Mapping

import numpy as np

from kdtalker_jax.edits.sliders import ADVANCED_WINK, SLIDERS, displacement
from kdtalker_jax.spaces.heads import Heads, angles_of, rotation_of

SLIDER_OF = {name: SLIDERS[name] for name in ("smile", "eyebrow", "blink", "pupil_x", "pupil_y")} | {
    "aaa": SLIDERS["ah"],
    "eee": SLIDERS["eh"],
    "woo": SLIDERS["oo"],
    "wink": ADVANCED_WINK,
    "rotate_pitch": SLIDERS["pitch"],
    "rotate_yaw": SLIDERS["yaw"]._replace(turns=(0.0, -1.0, 0.0)),
    "rotate_roll": SLIDERS["roll"],
}
POSITION = 5  # the keypoint that moves the head across the picture
MOUTH, EYES = (14, 17, 19, 20), (1, 2, 11, 13, 15, 16)


class Edit:
    """What sliders add.

    Attributes:
        exp: (21, 3). turned: degrees of pitch, yaw, roll (3,).
    """

    def __init__(self, values: Mapping[str, float]) -> None:
        self.exp = sum((displacement(SLIDER_OF[name], value) for name, value in values.items()), np.zeros((21, 3)))
        turned = (value * np.array(SLIDER_OF[name].turns) for name, value in values.items())
        self.turned = sum(turned, np.zeros(3))


def edited_keypoints(canonical: np.ndarray, own: Heads, edit: Edit, source_ratio: float = 1.0) -> np.ndarray:
    """Keypoints in the picture (21, 3), before stitching.

    Args:
        canonical: (21, 3). own: the portrait's, one frame.
        source_ratio: how much of the portrait's own expression is kept, 0 to 1.
    """
    exp = own.exp[0] * source_ratio
    exp[POSITION] = own.exp[0, POSITION]
    pitch, yaw, roll = (float(angle[0]) for angle in angles_of(own.rotation))
    rotation = rotation_of(pitch + edit.turned[0], yaw + edit.turned[1], roll + edit.turned[2])
    return own.scale[0] * ((canonical + exp + edit.exp) @ rotation) + own.t[0]
