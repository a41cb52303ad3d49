"""From features to motion of any length: windows that follow each other, for any motion model."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from kdtalker_jax.errors import InputError
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.motion_models.protocol import MotionModel


class Pending(NamedTuple):
    """A window that the device may still be working on."""

    motion: jax.Array  # (1, L, D) in the model's own units
    frames: int  # of them, those that the recording has

    def vectors(self, model: MotionModel) -> np.ndarray:
        """Waits for it: (frames, D) in the space's units."""
        return model.in_units(np.asarray(self.motion[0]))[: self.frames]


def motion_windows(
    model: MotionModel,
    params: Any,
    rule: Any,
    own: Any,
    windows: Iterable[np.ndarray],
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
    state, beginning, rows = model.begin([own]), None, rows_of(model)
    for index, window in enumerate(windows):
        if beginning is None:
            beginning = np.resize(window, (rows, window.shape[1]))
        # The last window is filled up with features from the recording's start, as KDTalker's published code does.
        features = np.concatenate([window, beginning])[None, :rows]  # (1, rows, width)
        noise = model.noise(key[None], index, _given(initial_noise, index))
        state, motion = model.window(params, rule, state, features, controls, noise)
        yield Pending(motion, len(window) * model.length // rows)


def rows_of(model: MotionModel) -> int:
    """Rows of features that a window of motion hears."""
    return round(model.length * model.hears.rate / FRAME_RATE)


def _given(initial_noise: np.ndarray | None, index: int) -> np.ndarray | None:
    if initial_noise is None:
        return None
    if index >= len(initial_noise):
        raise InputError(f"The initial noise ends after {len(initial_noise)} windows; the recording goes on.")
    return np.asarray(initial_noise[index])[None]
