"""Sliders of the face: what people edit a portrait's expression and pose with, one number each.

LivePortrait's editor and, as `ah`, `eh`, `oo`, `blink`, `pupil_x`, `pupil_y`, the AdvancedLivePortrait one's, which
KDTalker++ shows. Each moves certain coordinates of the 21 published keypoints; the directions were found out by the
editors' authors on the published weights.
"""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kdtalker_jax.checks import is_number, nearest
from kdtalker_jax.edits.regions import KEYPOINTS
from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.heads import Heads, angles_of, rotation_of

_X, _Y, _Z = 0, 1, 2
Term = tuple[int, int, float]  # keypoint, coordinate, coefficient


class Slider(NamedTuple):
    """One of them.

    Attributes:
        low, high: its range. default: where it changes nothing.
        terms: what each coordinate gets for 1; `below`: for 1 below 0, where that differs.
        turns: degrees of pitch, yaw, roll for 1.
        moves: translation to the right and down for 1, in pictures that reach from -1 to 1.
        grows: factor on the size, 1 at the default.
    """

    low: float
    high: float
    terms: tuple[Term, ...] = ()
    below: tuple[Term, ...] | None = None
    turns: tuple[float, float, float] = (0.0, 0.0, 0.0)
    moves: tuple[float, float] = (0.0, 0.0)
    grows: bool = False
    default: float = 0.0


def _same(keypoints: Iterable[int], axis: int, coefficient: float) -> tuple[Term, ...]:
    return tuple((keypoint, axis, coefficient) for keypoint in keypoints)


_SMILE = (
    (20, _Y, -0.01), (14, _Y, -0.02), (17, _Y, 0.0065), (17, _Z, 0.003),
    *_same((13, 16), _Y, -0.00275), *_same((3, 7), _Y, -0.0035),
)  # fmt: skip
_WINK = ((11, _Y, 0.001), (13, _Y, -0.0003), (17, _X, 0.0003), (17, _Y, 0.0003), (3, _Y, -0.0003))
_BROWS_UP = ((1, _Y, 0.001), (2, _Y, -0.001))
_BROWS_TOGETHER = ((1, _X, -0.001), (2, _X, 0.001), (1, _Y, 0.0003), (2, _Y, -0.0003))
_GAZE_RIGHT, _GAZE_LEFT = ((11, _X, 0.0007), (15, _X, 0.001)), ((11, _X, 0.001), (15, _X, 0.0007))
_PURSE = ((14, _Y, 0.001), *_same((3, 7), _Y, -0.0005), (17, _Z, -0.0005))
_GRIN = ((20, _Y, -0.001), (20, _Z, -0.001), (14, _Y, -0.001))
_OPEN = ((19, _Y, 0.001), (19, _Z, 0.0001), (17, _Y, -0.0001))
_BLINK = (*_same((11, 15), _Y, -0.001), *_same((13, 16), _Y, 0.0003), (1, _Y, -0.00025), (2, _Y, 0.00025))
# Looking up also lifts the lids: the pupils' own term, and half as much blinking the other way.
_LIDS = tuple((keypoint, axis, -coefficient / 2) for keypoint, axis, coefficient in _BLINK)

SLIDERS: Mapping[str, Slider] = {
    "smile": Slider(-0.3, 1.3, _SMILE),
    "wink": Slider(0, 39, _WINK),
    "eyebrow": Slider(-30, 30, _BROWS_UP, below=_BROWS_TOGETHER),
    "gaze_x": Slider(-30, 30, _GAZE_RIGHT, below=_GAZE_LEFT),
    "gaze_y": Slider(-63, 63, (*_same((11, 15), _Y, -0.0005), *_same((13, 16), _Y, -0.00015))),
    "pout": Slider(-0.09, 0.09, ((19, _X, 1.0),)),
    "purse": Slider(-20, 15, _PURSE),
    "grin": Slider(0, 15, _GRIN),
    "mouth": Slider(-90, 120, _OPEN),
    "move_x": Slider(-0.19, 0.19, ((5, _X, -1.0),)),
    "move_y": Slider(-0.19, 0.19, ((5, _Y, 1.0),)),
    "size": Slider(0.9, 1.2, grows=True, default=1.0),
    "pitch": Slider(-15, 15, turns=(1.0, 0.0, 0.0)),
    "yaw": Slider(-25, 25, turns=(0.0, 1.0, 0.0)),
    "roll": Slider(-15, 15, turns=(0.0, 0.0, 1.0)),
    "ah": Slider(-30, 120, _OPEN, turns=(-0.05, 0.0, 0.0)),
    "eh": Slider(-20, 15, _GRIN),
    "oo": Slider(-20, 15, _PURSE),
    "blink": Slider(-20, 5, _BLINK),
    "pupil_x": Slider(-15, 15, _GAZE_RIGHT, below=_GAZE_LEFT),
    "pupil_y": Slider(-15, 15, (*_same((11, 15), _Y, -0.001), *_LIDS)),
}

# AdvancedLivePortrait's own, where they differ: wink also turns the head, and its yaw counts the other way.
ADVANCED_WINK = Slider(0, 25, _WINK, turns=(0.0, -0.1, -0.1))


@dataclass(frozen=True)
class SliderTable:
    """The sliders of a model.

    Attributes:
        sliders: by name.
        keypoints: of models that they are for, where one of them moves the expression.
        turning: whether the expression's terms are in the head's own frame, and turn with it; otherwise they are along
            the picture's axes.
    """

    sliders: Mapping[str, Slider]
    keypoints: int = KEYPOINTS
    turning: bool = False


PUBLISHED = SliderTable(SLIDERS)


def slider_named(name: str, table: SliderTable = PUBLISHED) -> Slider:
    """Raises InputError where the model has no such slider."""
    slider = table.sliders.get(name)
    if slider is not None:
        return slider
    if name in SLIDERS:
        raise InputError(f"This model has no slider {name!r}: there are {', '.join(table.sliders)}.")
    raise InputError(f"There is no slider {name!r}{nearest(name, table.sliders)}")


def checked_sliders(values: Mapping[str, float], table: SliderTable = PUBLISHED) -> dict[str, float]:
    """Sliders by name, each within its range; one that is not is clipped, with a warning.

    Raises:
        InputError: there is no such slider, or its value is no number.
    """
    checked = {}
    for name, value in values.items():
        slider = slider_named(name, table)
        if not is_number(value, -np.inf, np.inf):
            raise InputError(f"The slider {name} must be a number, not {value!r}.")
        checked[name] = min(max(float(value), slider.low), slider.high)
        if abs(checked[name] - value) > 1e-6:  # not what single precision makes of the limit
            warnings.warn(
                f"The slider {name} goes from {slider.low:g} to {slider.high:g}: "
                f"{checked[name]:g} is taken instead of {value:g}.",
                stacklevel=2,
            )
    return checked


def displacement(slider: Slider, value: float | np.ndarray, keypoints: int = KEYPOINTS) -> np.ndarray:
    """What a slider at a value, () or (T,), adds to the expression, (..., K, 3)."""
    value = np.asarray(value, np.float64)
    moved = np.zeros((*value.shape, keypoints, 3))
    above = np.full(value.shape, True) if slider.below is None else value > 0
    for terms, there in ((slider.terms, above), (slider.below or (), ~above)):
        for keypoint, axis, coefficient in terms:
            moved[..., keypoint, axis] += coefficient * np.where(there, value, 0.0)
    return moved


def edited(heads: Heads, values: Mapping[str, float], table: SliderTable = PUBLISHED) -> Heads:
    """Heads with sliders moved; those at their defaults change nothing, bit for bit.

    Args:
        heads: T frames of a model with these sliders.
        values: by name; degrees are added to the angles, sizes are factors, the rest to the expression.
        table: of the model.

    Raises:
        InputError: see `checked_sliders`; a model of other keypoints.
    """
    return slid(heads, checked_sliders(values, table), table)


def slid(heads: Heads, values: Mapping[str, float | np.ndarray], table: SliderTable) -> Heads:
    """`edited` by values within their ranges, each one number or one for each frame (T,).

    Frames where all are at their defaults change by no bit.
    """
    moved = {name: value for name, value in values.items() if np.any(value != table.sliders[name].default)}
    if not moved:
        return heads
    keypoints = heads.exp.shape[1]
    if keypoints != table.keypoints and any(table.sliders[name].terms for name in moved):
        raise InputError(f"Sliders are known for {table.keypoints} keypoints, and this model has {keypoints}.")
    scale, t = heads.scale, heads.t
    turned = np.zeros((3, heads.frames))  # degrees
    for name, value in moved.items():
        slider = table.sliders[name]
        turned += np.outer(slider.turns, np.broadcast_to(value, heads.frames))
        if slider.grows:
            scale = scale * value
        if any(slider.moves):
            t = t + np.multiply.outer(np.broadcast_to(value, heads.frames), (*slider.moves, 0.0))
    heads = Heads(scale, _turned(heads.rotation, turned), heads.exp, t)
    exp = heads.exp
    for name, value in moved.items():
        if table.sliders[name].terms:
            more = displacement(table.sliders[name], value, keypoints)
            exp = exp + (more @ heads.rotation if table.turning else more)
    return heads._replace(exp=exp)


def _turned(rotation: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """Rotations (T, 3, 3) with degrees (3, T) added to pitch, yaw and roll; the same ones where these are 0."""
    there = degrees.any(axis=0)
    if not there.any():
        return rotation
    added = rotation_of(*(angle + more for angle, more in zip(angles_of(rotation), degrees, strict=True)))
    return np.where(there[:, None, None], added, rotation)
