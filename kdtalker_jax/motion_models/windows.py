"""From features to motion of any length: windows that follow each other, for any motion model."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.errors import DamagedModelError, InputError
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.motion_models.protocol import MotionModel

Rows = np.ndarray | jax.Array  # features of a window, which a device may still be working on


class Pending(NamedTuple):
    """A recording's window that the device may still be working on."""

    heard: Rows  # (rows, width)
    motion: jax.Array  # (B, L, D) in the model's own units, of all recordings that share the call
    place: int  # of this one among them
    frames: int  # of the window, those that the recording has

    def vectors(self, model: MotionModel) -> np.ndarray:
        """Waits for it: (frames, D) in the space's units; raises DamagedModelError where it heard nothing finite."""
        check_heard(self.heard)
        return model.in_units(np.asarray(self.motion)[self.place])[: self.frames]


def check_heard(features: Rows) -> None:
    """Waits for features; raises DamagedModelError where they are not finite."""
    if not np.isfinite(features).all():
        raise DamagedModelError("audio features that are not finite")


def motion_windows(
    model: MotionModel,
    params: Any,
    rule: Any,
    own: Any,
    windows: Iterable[Rows],
    key: jax.Array,
    controls: Any,
    initial_noise: np.ndarray | None = None,
) -> Iterator[Pending]:
    """A recording's motion, as soon as its features are there: each window goes on from the one before.

    Args:
        model, params: the motion model.
        rule: from `model.rule`.
        own: the portrait, as its renderer has described it in terms of the space.
        windows: features (n, width), where n is `rows_of(model)` but for the last.
        key: of the seed.
        controls: of `model.Controls`.
        initial_noise: (windows, length, D) instead of the key's.

    Yields:
        One for each window. Nothing waits for the device: what a window rests on stays there.

    Raises:
        InputError: the initial noise ends before the recording.
    """
    noises = None if initial_noise is None else [initial_noise]
    for (window,) in windows_together(model, params, rule, [own], [windows], key[None], controls, noises):
        yield window


def windows_together(
    model: MotionModel,
    params: Any,
    rule: Any,
    own: Sequence[Any],
    windows: Sequence[Iterable[Rows]],
    keys: jax.Array,
    controls: Any,
    initial_noise: Sequence[np.ndarray] | None = None,
) -> Iterator[list[Pending | None]]:
    """`motion_windows` of several recordings, with one call of the model for the windows that they have at a time.

    Arguments are those of `motion_windows`, one of each recording; `rule` and `controls` are the same for all.

    Yields:
        A window of each recording, None of those that have ended; the longest has the last. So that the shapes stay,
        what has ended goes on with what it heard last.
    """
    state, hearings = model.begin(own), [_whole_windows(model, of) for of in windows]
    heard: list[tuple[Rows, int] | None] = [None] * len(hearings)
    index = 0
    while True:
        new = [next(hearing, None) for hearing in hearings]
        if not any(new):
            return
        heard = [found or before for found, before in zip(new, heard, strict=True)]
        features = _stacked(*(features for features, _ in heard))  # (B, rows, width)
        given = None if initial_noise is None else np.stack([_given(noise, index) for noise in initial_noise])
        noise = model.noise(keys, index, given)
        state, motion = model.window(params, rule, state, features, controls, noise)
        yield [
            found and Pending(found[0], motion, place, found[1] * model.length // len(found[0]))
            for place, found in enumerate(new)
        ]
        index += 1


def rows_of(model: MotionModel) -> int:
    """Rows of features that a window of motion hears."""
    return round(model.length * model.hears.rate / FRAME_RATE)


def _whole_windows(model: MotionModel, windows: Iterable[Rows]) -> Iterator[tuple[Rows, int]]:
    """Windows of `rows_of(model)` rows, and how many of these the recording has.

    The last is filled up with features from the recording's start, as KDTalker's published code does, or with zeros.
    """
    rows, beginning = rows_of(model), None
    for window in windows:
        beginning = window if beginning is None else beginning
        own = len(window)
        if own < rows:
            shape = (rows, window.shape[1])
            filling = np.zeros(shape, np.float32) if model.ending == "silence" else np.resize(beginning, shape)
            window = np.concatenate([window, filling])[:rows]
        yield window, own


@jax.jit
def _stacked(*windows: Rows) -> jax.Array:
    """Also of one: compiled, it takes arrays of the host and of the device alike, and waits for neither."""
    return jnp.stack(windows)


def _given(initial_noise: np.ndarray, index: int) -> np.ndarray:
    if index >= len(initial_noise):
        raise InputError(f"The initial noise ends after {len(initial_noise)} windows; the recording goes on.")
    return np.asarray(initial_noise[index])
