"""Edits of a motion: sliders, openings of eyes and lips, how far a channel goes, a pose from keyframes; over time.

They change a portrait's heads before keypoints are placed, stitched and rendered, so they go with every motion.
"""

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from kdtalker_jax.checks import is_number, nearest
from kdtalker_jax.edits.amplitudes import CHANNELS, LARGEST_FACTOR, amplified
from kdtalker_jax.edits.curves import Curve
from kdtalker_jax.edits.openings import LARGEST_OPENING, OPENINGS, opened, with_own
from kdtalker_jax.edits.poses import PoseKeyframes, read_poses
from kdtalker_jax.edits.retargeting import Networks, Openings
from kdtalker_jax.edits.sliders import PUBLISHED, SLIDERS, SliderTable, slid, slider_named
from kdtalker_jax.edits.syntax import EXAMPLE, Term, parse
from kdtalker_jax.errors import InputError
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.spaces.heads import Heads, heads_of, motion_of, placed
from kdtalker_jax.spaces.implicit_keypoints import Head
from kdtalker_jax.spaces.keypoints import Motion

POSE = "pose"


@dataclass(frozen=True)
class Edits:
    """What a motion is changed by; `edits_of` makes it.

    Attributes:
        terms: of sliders (`sliders.SLIDERS`), openings (`openings.OPENINGS`), channels (`amplitudes.CHANNELS`), within
            their ranges. Several of one name add up, factors multiply.
        pose: that the head turns to, instead of the motion's.
    """

    terms: tuple[Term, ...] = ()
    pose: PoseKeyframes | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", _in_range([_known(term) for term in self.terms]))

    def __bool__(self) -> bool:
        """Whether they ask for anything: a slider at 0 does not."""
        return self.pose is not None or any(not _is_idle(term) for term in self.terms)

    @property
    def inputs(self) -> list[Path]:
        """Files that no output may replace."""
        return [self.pose.path] if self.pose is not None and self.pose.path is not None else []

    @property
    def needs_openings(self) -> bool:
        return any(term.name in OPENINGS and not term.factor for term in self.terms)

    def check(self, sliders: SliderTable) -> None:
        """Raises InputError where a model has not these sliders."""
        for term in self.terms:
            if not term.factor and term.name not in OPENINGS:
                slider_named(term.name, sliders)

    def amounts(self, name: str, times: np.ndarray, *, factor: bool) -> np.ndarray | None:
        """Of a slider or, with `factor`, a channel at seconds (T,): (T,). None where nothing is asked of it."""
        curves = [term.curve for term in self.terms if (term.name, term.factor) == (name, factor)]
        if not curves:
            return None
        default, low, high = _range(name, factor)
        changes = [curve.weights(times) * (curve.values(times) - default) for curve in curves]
        amounts = np.prod([1 + change for change in changes], axis=0) if factor else default + sum(changes)
        return np.clip(amounts, low, high)

    def opening(self, name: str, times: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Of one of `OPENINGS` at seconds (T,): how far, and how much that counts, (T,) each."""
        curves = [term.curve for term in self.terms if term.name == name and not term.factor]
        if not curves:
            return None
        weights = np.array([curve.weights(times) for curve in curves])
        values = np.array([curve.values(times) for curve in curves])
        total = weights.sum(axis=0)
        return (weights * values).sum(axis=0) / np.where(total, total, 1), weights.max(axis=0)


def edits_of(asked: str | Mapping[str, Any] | Edits | None, *, pose: Any = None) -> Edits:
    """Edits as they can be given.

    Args:
        asked: a text (`syntax.parse`), or by name a number or keyframes [(seconds, number), ...]: {"smile": 0.6,
            "yaw": [(0, 0), (2, 10)], "lips*": 1.3}, where "pose" is as the argument.
        pose: a `.csv` file (`poses.read_poses`) or rows (N, 4) of seconds, yaw, pitch, roll.

    Raises:
        InputError: what cannot be read, a name that there is not.
    """
    if isinstance(asked, Edits):
        return asked if pose is None else replace(asked, pose=_poses(pose))
    if isinstance(asked, Mapping):
        asked = dict(asked)
        pose = asked.pop(POSE, pose)
        terms = tuple(_term(name, values) for name, values in asked.items())
    elif asked is None or isinstance(asked, str):
        terms = parse(asked or "")
    else:
        raise InputError(f'Edits are a text such as "{EXAMPLE}" or a dict of names and numbers, not {asked!r}.')
    return Edits(terms, _poses(pose))


@dataclass(frozen=True)
class Editor:
    """Edits for one portrait.

    Attributes:
        edits: asked for. own: the portrait; its motion has one frame, or as many as are edited. sliders: of the model.
        networks, openings: of the renderer and the portrait; needed where openings are asked for.

    Raises:
        InputError: edits that this portrait or model cannot have.
    """

    edits: Edits
    own: Head
    sliders: SliderTable = PUBLISHED
    networks: Networks | None = None
    openings: Openings | None = None

    def __post_init__(self) -> None:
        self.edits.check(self.sliders)
        if self.edits.needs_openings and self.openings is None:
            raise InputError(
                "How far the portrait's eyes and lips are open is not known, so `edits` cannot open them: let its face "
                "be found, by another `crop`, or use sliders."
            )

    def heads(self, heads: Heads, times: np.ndarray) -> Heads:
        """The portrait's heads, edited, at seconds (T,). Frames that no edit reaches change by no bit."""
        edits, own = self.edits, heads_of(self.own.motion)
        if edits.pose is not None:
            heads = heads._replace(rotation=edits.pose.rotations(times))
        factors = {name: edits.amounts(name, times, factor=True) for name in CHANNELS}
        heads = amplified(heads, own, {name: by for name, by in factors.items() if by is not None})
        for name in OPENINGS:
            if wanted := edits.opening(name, times):
                heads = with_own(heads, own, self.own.motion.keypoints, name, wanted[1])
        names = dict.fromkeys(term.name for term in edits.terms if not term.factor and term.name not in OPENINGS)
        return slid(heads, {name: edits.amounts(name, times, factor=False) for name in names}, self.sliders)

    def opened(self, times: np.ndarray) -> np.ndarray | None:
        """What openings add to keypoints at seconds (T,): (T, K, 3)."""
        wanted = {name: edit for name in OPENINGS if (edit := self.edits.opening(name, times))}
        return opened(self.own.motion.keypoints, wanted, self.networks, self.openings) if wanted else None

    def motion(self, motion: Motion, *, relative: bool = False, first: Motion | None = None, start: int = 0) -> Motion:
        """A motion that a portrait has been driven by, edited: its keypoints, and the numbers they come from.

        Args:
            motion: with keypoints, before stitching.
            relative, first: as it was driven.
            start: the number of its first frame.
        """
        times = times_of(len(motion), start)
        heads, driven = heads_of(motion), _driven(self.own.motion, motion, relative, first)
        canonical = self.own.canonical.reshape(-1, 3).astype(np.float64)
        moved = placed(canonical, self.heads(driven, times)) - placed(canonical, driven)  # (T, K, 3)
        if (delta := self.opened(times)) is not None:
            moved = moved + delta
        keypoints = (motion.keypoints + moved).astype(np.float32)
        changed = self.heads(heads, times)
        same = np.all([_equal(one, other) for one, other in zip(changed, heads, strict=True)], axis=0)  # (T,)
        numbers = motion_of(changed).arrays()
        kept = {name: _where(same, getattr(motion, name), value) for name, value in numbers.items()}
        return Motion(**kept, keypoints=keypoints)


def times_of(frames: int, start: int = 0, rate: Fraction = Fraction(FRAME_RATE)) -> np.ndarray:
    """When frames are shown, in seconds (T,)."""
    return (start + np.arange(frames)) * rate.denominator / rate.numerator


def _driven(own: Motion, motion: Motion, relative: bool, first: Motion | None) -> Heads:
    """The portrait's heads as `ImplicitKeypoints.drive` has them."""
    own, heads = heads_of(own), heads_of(motion)
    if not relative:
        return heads._replace(scale=np.broadcast_to(own.scale, heads.frames))
    first = (heads if first is None else heads_of(first)).at(slice(1))
    return Heads(
        own.scale * heads.scale / first.scale,
        heads.rotation @ first.rotation.mT @ own.rotation,
        own.exp + heads.exp - first.exp,
        own.t + heads.t - first.t,
    )


def _equal(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """In which frames (T, ...) arrays are equal: (T,)."""
    return (one == other).reshape(len(one), -1).all(axis=1)


def _where(frames: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.where(frames.reshape(-1, *(1,) * (one.ndim - 1)), one, other)


def _poses(pose: Any) -> PoseKeyframes | None:
    if pose is None or isinstance(pose, PoseKeyframes):
        return pose
    return read_poses(pose) if isinstance(pose, (str, os.PathLike)) else PoseKeyframes(pose)


def _term(name: Any, values: Any) -> Term:
    if not isinstance(name, str):
        raise InputError(f"The name of an edit is a text such as 'smile' or 'lips*', not {name!r}.")
    bare = name.strip().lower().replace("-", "_")
    if isinstance(values, Curve):
        curve = values
    elif is_number(values, -np.inf, np.inf):
        curve = Curve(((0.0, float(values)),))
    elif isinstance(values, (Sequence, np.ndarray)) and not isinstance(values, (str, bytes)):
        curve = Curve(tuple(values))
    else:
        raise InputError(f"The edit {name!r} must be a number or keyframes [(seconds, number), ...], not {values!r}.")
    return Term(bare.removesuffix("*").strip(), bare.endswith("*"), curve)


def _known(term: Term) -> Term:
    """Raises InputError where there is nothing of that name to be set, or to go farther."""
    settable, scalable = (*SLIDERS, *OPENINGS), CHANNELS
    names = scalable if term.factor else settable
    if term.name in names:
        return term
    if term.name in (settable if term.factor else scalable):
        right, wrong = ("=", "*") if term.factor else ("*", "=")
        raise InputError(f"{term.name!r} goes with {right!r}, such as {term.name}{right}0.5, not with {wrong!r}.")
    kind = "channel that can go farther" if term.factor else "slider or opening"
    raise InputError(f"There is no {kind} {term.name!r}{nearest(term.name, names)}")


def _range(name: str, factor: bool) -> tuple[float, float, float]:
    """Where it changes nothing, and its ends."""
    if factor:
        return 1.0, 0.0, LARGEST_FACTOR
    if name in OPENINGS:
        return np.nan, 0.0, LARGEST_OPENING
    return SLIDERS[name].default, SLIDERS[name].low, SLIDERS[name].high


def _is_idle(term: Term) -> bool:
    default = _range(term.name, term.factor)[0]
    return term.curve.extremes == (default, default)


def _in_range(terms: list[Term]) -> tuple[Term, ...]:
    """Clipped, with one warning about all of them."""
    clipped, said = [], []
    for term in terms:
        _, low, high = _range(term.name, term.factor)
        curve = term.curve.clipped(low, high)
        clipped.append(term._replace(curve=curve))
        if curve.extremes != term.curve.extremes:
            said.append(f"{term.name}{'*' * term.factor} goes from {low:g} to {high:g}")
    if said:
        warnings.warn(f"Edits out of range are clipped: {', '.join(dict.fromkeys(said))}.", stacklevel=4)
    return tuple(clipped)
