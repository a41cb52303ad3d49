"""What Playmate can be asked for, and what of it a window is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import numpy as np

from kdtalker_jax.checks import is_number
from kdtalker_jax.edits.posing import AXES, axes_mask, there_and_back
from kdtalker_jax.emotions import Feeling, checked_strength, feelings_of, felt_at, weights_of
from kdtalker_jax.errors import InputError
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.motion_models.playmate.config import POSE, TransformerConfig
from kdtalker_jax.motion_models.playmate.normalising import pose_statistics
from kdtalker_jax.spaces.keypoints import Motion

GUIDANCE = 1.5  # as published, by sound and by emotion
LARGEST_GUIDANCE = 10.0
LARGEST_AMPLITUDE = 5.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Controls:
    """What a performance is to be like.

    Attributes:
        emotion: a name of `emotions.EMOTIONS`, a blend such as "0.7 happy + 0.3 surprised", or a mapping of names to
            shares; None: none, and the emotion module has no part in the result.
        emotion_strength: 0 to 1.
        emotions: that change, instead of one: "0 neutral, 2.5 angry, 4 happy 0.5", or rows of seconds, emotion and
            perhaps strength; see `emotions.feelings_of`.
        audio_guidance, emotion_guidance: how much sound and emotion count (equation 8); 1 is no guidance.
        pose_amplitude: how far the head moves, 1 as far as heads of the training set do.
        pose: of this portrait's head, T frames, 25 a second, that the performance is drawn to go with; where they end,
            they are played backwards. Driving keypoints keep the portrait's size: `TalkingPortrait.turn` by the same
            poses afterwards gives theirs.
        pose_axes: what of it, of "scale", "yaw", "pitch", "roll" and "t".

    Raises:
        InputError: a value that cannot be.
    """

    emotion: str | Mapping[str, float] | None = None
    emotion_strength: float = 1.0
    emotions: str | Sequence[Any] | None = None
    audio_guidance: float = GUIDANCE
    emotion_guidance: float = GUIDANCE
    pose_amplitude: float = 1.0
    pose: Motion | None = None
    pose_axes: str | Sequence[str] = AXES

    def __post_init__(self) -> None:
        checked_strength(self.emotion_strength)
        if self.emotion is not None and self.emotions is not None:
            raise InputError("`emotion` is one for all frames and `emotions` change: give one of them.")
        _ = self.feelings
        for name in ("audio_guidance", "emotion_guidance"):
            if not is_number(getattr(self, name), 0, LARGEST_GUIDANCE):
                raise InputError(
                    f"`{name}` must be a number from 0 to {LARGEST_GUIDANCE:g}, not {getattr(self, name)!r}."
                )
        if not is_number(self.pose_amplitude, 0, LARGEST_AMPLITUDE):
            raise InputError(
                f"`pose_amplitude` must be a number from 0 to {LARGEST_AMPLITUDE:g}, not {self.pose_amplitude!r}."
            )
        if not (self.pose is None or isinstance(self.pose, Motion)):
            raise InputError(f"`pose` must be a motion, not a {type(self.pose).__name__}.")
        self._check_all_counts()

    def _check_all_counts(self) -> None:
        """Raises InputError for what would change nothing."""
        if not self.feelings:
            for name, usual in (("emotion_strength", 1), ("emotion_guidance", GUIDANCE)):
                if getattr(self, name) != usual:
                    raise InputError(f"`{name}` is that of an `emotion`: name one.")
        if not axes_mask(self.pose_axes).all() and self.pose is None:
            raise InputError("`pose_axes` are those of a `pose`: give one.")

    @cached_property
    def feelings(self) -> tuple[Feeling, ...]:
        """What is felt when; empty where no emotion is asked for."""
        if self.emotions is not None:
            return feelings_of(self.emotions)
        return () if self.emotion is None else (Feeling(0.0, weights_of(self.emotion)),)


class Felt(NamedTuple):
    """The emotion of a window."""

    weights: np.ndarray  # (P + L, rows), also of the frames before
    guidance: np.ndarray  # (L,)


class Held(NamedTuple):
    """The pose of a window, where it is given."""

    pose: np.ndarray  # (L, 7) in the extractor's units
    normalised: np.ndarray  # (L, 7) by mean and deviation of all that is given
    mask: np.ndarray  # (7,) bool, what of it


class Told(NamedTuple):
    """Controls as a window takes them. What is None takes no part in its program."""

    audio_guidance: np.ndarray  # ()
    pose_amplitude: np.ndarray  # ()
    felt: Felt | None
    held: Held | None


def told(controls: Controls, index: Any, config: TransformerConfig) -> Told:
    """What window `index` is told; a number, unless neither emotion nor pose is asked for."""
    felt = held = None
    if controls.feelings:
        frames = np.arange(-config.previous, config.window) + int(index) * config.window
        weights, strengths = felt_at(controls.feelings, frames / FRAME_RATE)
        scales = strengths[config.previous :] * np.float32(controls.emotion_strength * controls.emotion_guidance)
        felt = Felt(weights, scales)
    if controls.pose is not None:
        pose = controls.pose.to_vector()[:, :POSE]
        mean, deviation = pose_statistics(pose)
        pose = pose[there_and_back(len(pose), config.window, start=int(index) * config.window)]
        held = Held(pose, (pose - mean) / deviation, axes_mask(controls.pose_axes))
    return jax.tree.map(
        np.asarray, Told(*map(np.float32, (controls.audio_guidance, controls.pose_amplitude)), felt, held)
    )
