"""A person's portrait with their own motion, and with their own voice."""

from dataclasses import fields, replace
from typing import NamedTuple

import numpy as np

from benchmarks.demo.actors import MotionFinder, film, reenact, speak
from benchmarks.real.clips import Clip
from benchmarks.real.seen import Seen, Watcher
from kdtalker_jax.faces.resizing import resize
from kdtalker_jax.portrait import TalkingPortrait


class Take(NamedTuple):
    """A clip, what the model makes of its first frame, and what is seen of all."""

    clip: Clip
    seen: Seen
    driven: np.ndarray  # (T, S, S, 3), by the clip's motion
    seen_driven: Seen
    spoken: np.ndarray | None  # (T, S, S, 3), by the clip's sound
    seen_spoken: Seen | None


def make_take(model: TalkingPortrait, find: MotionFinder, clip: Clip, watch: Watcher) -> Take:
    """Pictures that the model makes larger or smaller than the clip's are resized to these."""
    source = model.prepare(clip.frames[0], crop="none")
    size = clip.frames.shape[1]
    driven = _sized(reenact(model, source, find(clip.frames)), size)
    spoken = None
    if clip.waveform is not None:
        motion = speak(model, source, clip.waveform)
        kept = {field.name: getattr(motion, field.name)[:: clip.every] for field in fields(motion)}
        spoken = _sized(film(model, source, replace(motion, **kept)), size)
    return Take(clip, watch(clip.frames), driven, watch(driven), spoken, None if spoken is None else watch(spoken))


def _sized(frames: np.ndarray, size: int) -> np.ndarray:
    return np.stack([resize(frame, size, size) for frame in frames])
