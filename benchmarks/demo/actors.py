"""What the measurements do with a model: portraits of unseen people, motion read, driven and filmed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from benchmarks.demo.unseen import take
from kdtalker_jax.faces.resizing import resize
from kdtalker_jax.observing import observed
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.source import Source
from kdtalker_jax.spaces.geometry import absolute_keypoints
from kdtalker_jax.spaces.keypoints import Coefficients, Motion, split
from kdtalker_jax.synthetic.drawing import draw_frames
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.performance import Performance
from kdtalker_jax.synthetic.state import State

MotionFinder = Callable[[np.ndarray], Motion]


class Actor(NamedTuple):
    """Someone whose portrait the model animates."""

    person: Person
    performance: Performance
    frames: np.ndarray  # (n,) of the performance; the portrait shows the first
    states: State  # (n,) in these frames
    pictures: np.ndarray  # (n, H, H, 3) of these, as large as the model's
    source: Source


def make_actor(model: TalkingPortrait, person: Person, performance: Performance, shown: int) -> Actor:
    """Draw `shown` frames of a performance, the first and others at equal distances."""
    frames = np.linspace(0, len(performance.states.jaw) - 1, shown).astype(int)
    states = take(performance.states, frames)
    pictures = draw_frames(person, states, model.renderer.output_size)
    return Actor(person, performance, frames, states, pictures, model.prepare(pictures[0], crop="none"))


def motion_finder(model: TalkingPortrait) -> MotionFinder:
    """The motion extractor, for pictures (F, H, H, 3) of any size."""
    size = model.renderer.picture_size

    def find(pictures: np.ndarray) -> Motion:
        seen = observed(model.renderer, model.params, (resize(picture, size, size) for picture in pictures))
        return Motion(**{name: seen[name] for name in Coefficients._fields})

    return find


def film(model: TalkingPortrait, source: Source, motion: Motion) -> np.ndarray:
    """All frames of a motion that has keypoints: (T, H, H, 3)."""
    return np.concatenate(list(model.render(source, motion)))


def reenact(model: TalkingPortrait, source: Source, motion: Motion) -> np.ndarray:
    """A portrait with a motion of its own, its own size among it: (T, H, H, 3)."""
    own = split(motion.to_vector())
    return film(model, source, replace(motion, keypoints=absolute_keypoints(source.canonical, own, own)))


def speak(model: TalkingPortrait, source: Source, waveform: np.ndarray, seed: int = 0, **asked: Any) -> Motion:
    """As `pipelines.sample` does, asked for an emotion and the like."""
    return model.animate(source, waveform, seed=seed, **asked)
