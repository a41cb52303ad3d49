"""A portrait moved by a driver: what can be asked for, and the way from the driver's motion to driving keypoints."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from kdtalker_jax.checks import is_number
from kdtalker_jax.edits.editing import Editor, edits_of, times_of
from kdtalker_jax.edits.openings import LARGEST_OPENING
from kdtalker_jax.edits.reenactment import quietest, reenacted, video_reenacted
from kdtalker_jax.edits.regions import LIP, Regions, regions_of
from kdtalker_jax.edits.retargeting import (
    Networks,
    Openings,
    eye_delta,
    eyes_held,
    finished,
    lip_delta,
    lips_closed,
)
from kdtalker_jax.edits.sliders import PUBLISHED, SliderTable, checked_sliders, edited
from kdtalker_jax.errors import InputError
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.spaces.heads import Heads, heads_of, motion_of, placed
from kdtalker_jax.spaces.implicit_keypoints import Head
from kdtalker_jax.spaces.keypoints import Motion

LARGEST_MULTIPLIER = 2.0
DRIVER, AUTO = "driver", "auto"


@dataclass(frozen=True, kw_only=True)
class Reenactment:
    """How a driver moves a portrait.

    Attributes:
        regions: what it moves, such as "all", "pose,lip", "all,-lip"; see `regions.regions_of`.
        relative: only what changes since the reference frame, on top of the portrait's own; False: the driver's pose
            and expression as they are.
        reference: that frame, or "auto": the one of the least open mouth.
        multiplier: how many times as far from the portrait's own, 0 to 2.
        stitch: keep the shoulders where the portrait has them.
        eyes, lips: how far they are open instead, 0 to 0.8, or "driver": as far as the driver's; for eyes each its own.
            All else of the driver's motion stays.
        close_lips: close a portrait's open lips first, so that the driver's mouth starts from there.
        hold_eyes: of a video, keep its eyes as open as in its first frame.
        lip_strength: of the driver's lips, where sound moves them as well: 0 the sound alone, 1 the driver alone.
        sliders: by name (`sliders.SLIDERS`), the same for all frames.
        edits: of the motion over time, see `editing.edits_of`.

    Raises:
        InputError: a value that cannot be.
    """

    regions: str | Regions = "all"
    relative: bool = True
    reference: int | str = 0
    multiplier: float = 1.0
    stitch: bool = False
    eyes: float | str | None = None
    lips: float | str | None = None
    close_lips: bool = False
    hold_eyes: bool = False
    lip_strength: float = 0.0
    sliders: Mapping[str, float] = field(default_factory=dict)
    edits: Any = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "regions", regions_of(self.regions))
        object.__setattr__(self, "sliders", checked_sliders(self.sliders))
        object.__setattr__(self, "edits", edits_of(self.edits))
        for name in ("relative", "stitch", "close_lips", "hold_eyes"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise InputError(f"`{name}` must be True or False, not {getattr(self, name)!r}.")
        if self.reference != AUTO and (not isinstance(self.reference, int) or self.reference < 0):
            raise InputError(
                f'The reference must be the number of a frame from 0 on or "auto", not {self.reference!r}.'
            )
        for name, largest in (("multiplier", LARGEST_MULTIPLIER), ("lip_strength", 1)):
            if not is_number(getattr(self, name), 0, largest):
                raise InputError(f"`{name}` must be a number from 0 to {largest:g}, not {getattr(self, name)!r}.")
        for name in ("eyes", "lips"):
            wanted = getattr(self, name)
            if wanted not in (None, DRIVER) and not is_number(wanted, 0, LARGEST_OPENING):
                raise InputError(
                    f'`{name}` must be a number from 0 to {LARGEST_OPENING} or "{DRIVER}", not {wanted!r}.'
                )
        for name in ("close_lips", "hold_eyes"):
            if getattr(self, name) and (self.eyes is not None or self.lips is not None):
                raise InputError(
                    f"`{name}` goes without `eyes` and `lips`, which say themselves how far they are open."
                )
        if self.close_lips and not self.relative:
            raise InputError("`close_lips` is for relative motion: absolute motion brings lips of its own.")

    @property
    def needs_openings(self) -> bool:
        """Of the portrait."""
        wanted = self.eyes is not None or self.lips is not None or self.edits.needs_openings
        return wanted or self.close_lips or self.hold_eyes

    @property
    def needs_networks(self) -> bool:
        """For stitching and retargeting."""
        return self.stitch or self.needs_openings

    def check(self, frames: int, openings: Openings | None) -> None:
        """Raises InputError where a driver of so many frames, with these openings, cannot do it."""
        if self.reference != AUTO and self.reference >= frames:
            raise InputError(f"There is no frame {self.reference} in the driver, which has {frames}, counted from 0.")
        if openings is None and DRIVER in (self.eyes, self.lips):
            raise InputError(
                "How far the driver's eyes and lips are open is not known: give `eyes` and `lips` as numbers."
            )


def moved_by(
    own: Head,
    driver: Motion,
    asked: Reenactment,
    networks: Networks | None,
    *,
    openings: Openings | None = None,
    own_openings: Openings | None = None,
    sound: Motion | None = None,
    sliders: SliderTable = PUBLISHED,
) -> Motion:
    """A portrait's motion with the driving keypoints.

    Args:
        own: the portrait. driver: T frames, or one.
        asked: how.
        networks: of the renderer; None where neither stitching nor openings are asked for.
        openings: of the driver, where they are known. own_openings: of the portrait, one frame.
        sound: what sound makes of the portrait, whose lips are taken; the longer of the two motions is cut.
        sliders: of the model.

    Raises:
        InputError: something asked for is not known of the driver or the portrait.
    """
    asked.check(len(driver), openings)
    if asked.hold_eyes:
        raise InputError("`hold_eyes` is for the person in a video, whose eyes a portrait has not.")
    if asked.needs_openings and own_openings is None:
        raise InputError(
            "How far the portrait's eyes and lips are open is not known: let its face be found, by another `crop`."
        )
    heads, still = heads_of(driver), heads_of(own.motion)
    reference = _reference(asked, heads, openings)
    heads = reenacted(still, heads, _regions_left(asked), relative=asked.relative, reference=reference)
    if sound is not None:
        heads, openings = _with_sound(heads, heads_of(sound), asked.lip_strength, openings)
    heads, opened = edited(heads, asked.sliders, sliders), None
    if asked.edits:
        editor = Editor(asked.edits, own, sliders, networks, own_openings)
        times = times_of(heads.frames)
        heads, opened = editor.heads(heads, times), editor.opened(times)

    canonical = own.canonical.reshape(-1, 3).astype(np.float64)
    keypoints = own.motion.keypoints.astype(np.float64)  # (1, K, 3)
    wanted, corrections = _wanted(asked, networks, keypoints, openings, own_openings, opened), None
    if asked.close_lips:
        corrections = lips_closed(networks, keypoints, own_openings.lips)
    driving = finished(
        placed(canonical, heads),
        keypoints,
        networks,
        stitch=asked.stitch,
        wanted=wanted,
        corrections=corrections,
        multiplier=asked.multiplier,
    )
    return replace(motion_of(heads), keypoints=np.asarray(driving, np.float32))


def video_moved_by(
    canonical: np.ndarray,
    own: Motion,
    driver: Motion | None,
    asked: Reenactment,
    networks: Networks | None,
    *,
    openings: Openings | None = None,
    own_openings: Openings,
    sound: Motion | None = None,
    sliders: SliderTable = PUBLISHED,
    rate: Fraction = Fraction(FRAME_RATE),
) -> np.ndarray:
    """Driving keypoints (n, K, 3) of a video: each of its frames moved by the driver's of the same time.

    Args:
        canonical: (T, 3 K) of its frames. own: their motion.
        driver: of the same rate, or one frame for all; None: sound alone moves it.
        own_openings: of its frames. rate: of them a second. Others as in `moved_by`; n is the least of all numbers of
            frames.

    Raises:
        InputError: something asked for is not known of the driver.
    """
    many = driver if driver is not None and len(driver) > 1 else None  # one frame of it is for all
    frames = min(len(motion) for motion in (own, many, sound) if motion is not None)
    own, own_openings, canonical = own[:frames], own_openings.at(slice(frames)), canonical[:frames]
    still = heads = heads_of(own)
    asked.check(len(own) if driver is None else len(driver), openings)
    if driver is not None:
        moving = heads_of(driver)
        how = {"relative": asked.relative, "reference": _reference(asked, moving, openings)}
        heads = video_reenacted(still, moving, _regions_left(asked), **how)
        openings = openings and openings.at(slice(frames))
    if sound is not None:
        heads, openings = _with_sound(heads, heads_of(sound[:frames]), asked.lip_strength, openings)
    heads, opened = edited(heads, asked.sliders, sliders), None

    canonical = canonical.reshape(frames, -1, 3).astype(np.float64)
    keypoints = placed(canonical, still)
    if asked.edits:
        itself = Head(canonical, replace(own, keypoints=keypoints))
        editor = Editor(asked.edits, itself, sliders, networks, own_openings)
        times = times_of(frames, rate=rate)
        heads, opened = editor.heads(heads, times), editor.opened(times)
    wanted, corrections = _wanted(asked, networks, keypoints, openings, own_openings, opened), None
    if asked.close_lips or asked.hold_eyes:
        closed = lips_closed(networks, keypoints, own_openings.lips) if asked.close_lips else 0
        corrections = closed + (eyes_held(networks, keypoints, own_openings.eyes) if asked.hold_eyes else 0)
    how = {"stitch": asked.stitch, "wanted": wanted, "corrections": corrections, "multiplier": asked.multiplier}
    return np.asarray(finished(placed(canonical, heads), keypoints, networks, **how), np.float32)


def _reference(asked: Reenactment, driver: Heads, openings: Openings | None) -> int:
    if asked.reference != AUTO:
        return asked.reference
    return quietest(driver.exp, None if openings is None else openings.lips)


def _regions_left(asked: Reenactment) -> Regions:
    """To the driver's expression: what is opened by a ratio starts from the portrait's own."""
    opened = [name for name, wanted in (("eyes", asked.eyes), ("lip", asked.lips)) if wanted is not None]
    return asked.regions.without(*opened)


def _with_sound(
    heads: Heads, sound: Heads, strength: float, openings: Openings | None
) -> tuple[Heads, Openings | None]:
    """The lips of a motion that sound made, mixed with the driver's; both as long as the shorter one."""
    if heads.frames > 1 and abs(heads.frames - sound.frames) > 1:
        warnings.warn(
            f"The driver has {heads.frames} frames and the sound {sound.frames}: the longer one is cut.", stacklevel=4
        )
    frames = sound.frames if heads.frames == 1 else min(heads.frames, sound.frames)
    exp = np.broadcast_to(heads.exp, (max(frames, heads.frames), *heads.exp.shape[1:]))[:frames].copy()
    exp[:, LIP] = (1 - strength) * sound.exp[:frames, LIP] + strength * exp[:, LIP]
    others = (np.broadcast_to(part, (max(frames, len(part)), *part.shape[1:]))[:frames] for part in heads)
    if openings is not None and len(openings.lips) > 1:
        openings = openings.at(slice(frames))
    return Heads(*others)._replace(exp=exp), openings


def _wanted(
    asked: Reenactment,
    networks: Networks | None,
    own: np.ndarray,
    openings: Openings | None,
    own_openings: Openings | None,
    opened: np.ndarray | None,
) -> np.ndarray | None:
    """What is added to keypoints; `opened` is what edits add."""
    deltas = [] if opened is None else [opened]
    if asked.eyes is not None:
        wanted = openings.eyes if asked.eyes == DRIVER else float(asked.eyes)
        deltas.append(eye_delta(networks, own, own_openings.eyes, wanted))
    if asked.lips is not None:
        wanted = openings.lips if asked.lips == DRIVER else float(asked.lips)
        deltas.append(lip_delta(networks, own, own_openings.lips, wanted))
    return sum(deltas) if deltas else None
