"""What a driver moves: regions of the face as a set, written `pose,lip` or `all,-lip`.

Which of LivePortrait's 21 keypoints belong to which region was found out by its authors on the published weights.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kdtalker_jax.checks import nearest
from kdtalker_jax.errors import InputError

KEYPOINTS = 21  # of the published model, whose regions these are
LIP = (6, 12, 14, 17, 19, 20)
EYES = (11, 13, 15, 16, 18)
_X, _Y, _Z = 0, 1, 2
# The coordinates that are expression alone: what is left out also tells the shape of the head.
_EXPRESSION = {keypoint: (_X, _Y, _Z) for keypoint in (1, 2, 6, *range(11, 21))} | {
    3: (_Y,), 4: (_Y,), 5: (_Z,), 8: (_Z,), 9: (_Y, _Z)
}  # fmt: skip

_PRIMITIVE = ("pose", "size", "lip", "eyes", "rest")  # rest: of the expression
_NAMED = {
    "all": frozenset(_PRIMITIVE),
    "exp": frozenset(("lip", "eyes", "rest")),
    "pose": frozenset(("pose",)),
    "lip": frozenset(("lip",)),
    "eyes": frozenset(("eyes",)),
}
NAMES = tuple(_NAMED)


@dataclass(frozen=True)
class Regions:
    """A set of regions; see `regions_of`.

    Attributes:
        parts: of "pose" (rotation and translation), "size", "lip", "eyes", "rest" (of the expression).
    """

    parts: frozenset[str] = _NAMED["all"]

    @property
    def pose(self) -> bool:
        return "pose" in self.parts

    @property
    def size(self) -> bool:
        return "size" in self.parts

    @property
    def eyes_alone(self) -> bool:
        return self.parts == {"eyes"}

    def without(self, *names: str) -> "Regions":
        return Regions(self.parts.difference(*(_NAMED[name] for name in names)))

    def mask(self, keypoints: int = KEYPOINTS, *, whole: bool) -> np.ndarray:
        """Which coordinates of the expression move, bool (K, 3).

        Args:
            keypoints: of the model. Only where the whole expression moves, or none, may there be others than 21.
            whole: the rest is all that is neither lip nor eyes; False: of that, what is expression alone.

        Raises:
            InputError: the model's keypoints have no such regions.
        """
        if whole and self.parts >= _NAMED["exp"]:
            return np.ones((keypoints, 3), bool)
        if not self.parts & _NAMED["exp"]:
            return np.zeros((keypoints, 3), bool)
        if keypoints != KEYPOINTS:
            raise InputError(
                f"Regions of the face are known for {KEYPOINTS} keypoints, and this model has {keypoints}."
            )
        mask = (np.ones((KEYPOINTS, 3), bool) if whole else _expression()) & ("rest" in self.parts)
        mask[LIP, :], mask[EYES, :] = "lip" in self.parts, "eyes" in self.parts
        return mask


def _expression() -> np.ndarray:
    mask = np.zeros((KEYPOINTS, 3), bool)
    for keypoint, axes in _EXPRESSION.items():
        mask[keypoint, axes] = True
    return mask


def regions_of(names: str | Iterable[str] | Regions) -> Regions:
    """Regions by name, taken from the left: `all`, `pose,lip`, or with a minus for what is left out: `all,-lip`.

    Args:
        names: of all, exp (the whole expression), pose, lip, eyes; with commas between them, or several.

    Raises:
        InputError: there is no such region, or nothing is left.
    """
    if isinstance(names, Regions):
        return names
    listed = names.split(",") if isinstance(names, str) else list(names)
    listed = [name.strip().lower() for name in listed if isinstance(name, str)] if listed else []
    parts: frozenset[str] = _NAMED["all"] if listed and listed[0].startswith("-") else frozenset()
    for name in listed:
        region = name.removeprefix("-").strip()
        if region not in _NAMED:
            raise InputError(f"There is no region {region!r}{nearest(region, NAMES)}")
        parts = parts - _NAMED[region] if name.startswith("-") else parts | _NAMED[region]
    if not parts:
        raise InputError(f"The regions {','.join(listed)!r} leave nothing to move: name some of {', '.join(NAMES)}.")
    return Regions(parts)
