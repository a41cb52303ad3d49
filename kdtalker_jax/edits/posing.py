"""Head pose from a driver, face from elsewhere: the pose of one motion put into another (arXiv 2502.07203, figure 1b).

Which of the numbers before the expression are taken is a mask in the order of motion vectors.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from kdtalker_jax.checks import nearest
from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.heads import heads_of, motion_of, placed
from kdtalker_jax.spaces.implicit_keypoints import Head
from kdtalker_jax.spaces.keypoints import Motion

AXES = ("scale", "yaw", "pitch", "roll", "t")
_WIDTHS = (1, 1, 1, 1, 3)

Axes = str | Sequence[str]


def axes_mask(axes: Axes) -> np.ndarray:
    """Bool (7,): which of scale, yaw, pitch, roll and t are among these names; a text has commas between them.

    Raises:
        InputError: a name that there is not, or none at all.
    """
    if not isinstance(axes, Collection):
        raise InputError(f"Axes of a pose are names of {', '.join(AXES)}, not {axes!r}.")
    names = [name.strip() for name in axes.split(",")] if isinstance(axes, str) else list(axes)
    if not names:
        raise InputError(f"Of a pose there are {', '.join(AXES)}: name some.")
    for name in names:
        if name not in AXES:
            raise InputError(f"A pose has no {name!r}{nearest(str(name), AXES)}")
    return np.repeat([name in names for name in AXES], _WIDTHS)


def there_and_back(frames: int, wanted: int, start: int = 0) -> np.ndarray:
    """Indices (wanted,) of a sequence of so many frames that is played forward and back without end, from `start`."""
    if frames == 1:
        return np.zeros(wanted, np.int64)
    places = np.arange(start, start + wanted) % (2 * frames - 2)
    return np.minimum(places, 2 * frames - 2 - places)


def poses_for(own: Motion, driver: Motion, *, relative: bool = True) -> Motion:
    """The poses of a portrait that follows a driver: T frames, with the portrait's own expression.

    Args:
        own: the portrait's, one frame.
        driver: T frames, 25 a second; one holds the head still.
        relative: what changes since the driver's first frame, on top of the portrait's own; False: the driver's
            rotation and translation as they are, in the portrait's size.
    """
    still, heads = heads_of(own), heads_of(driver)
    rotation, t, scale = heads.rotation, heads.t, np.repeat(still.scale, heads.frames)
    if relative:
        first = heads.at(slice(1))
        rotation = rotation @ first.rotation.mT @ still.rotation
        t, scale = still.t + t - first.t, scale * heads.scale / first.scale
    exp = np.repeat(still.exp, heads.frames, axis=0)
    return motion_of(heads._replace(scale=scale, rotation=rotation, t=t, exp=exp))


def posed(own: Head, motion: Motion, poses: Motion, axes: Axes = AXES) -> Motion:
    """A motion with other poses, and the driving keypoints that come of it.

    Args:
        own: the portrait, which keeps its size where that of the poses is not taken.
        motion: T frames, whose expression stays.
        poses: of the same portrait, see `poses_for`; where these end, they are played backwards.
        axes: what of the poses is taken.
    """
    vectors = motion.to_vector()
    pose = vectors[:, :7].copy()
    pose[:, 0] = own.motion.scale
    other = poses.to_vector()[there_and_back(len(poses), len(motion)), :7]
    vectors[:, :7] = np.where(axes_mask(axes), other, pose)
    turned = Motion.from_vector(vectors)
    canonical = own.canonical.reshape(-1, 3).astype(np.float64)
    return replace(turned, keypoints=placed(canonical, heads_of(turned)))
