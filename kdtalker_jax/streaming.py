"""From sound to motion, window by window: what `animate` and `stream` share.

Both are generators that take what there is and hold no more than one window of it.
"""

from collections.abc import Callable, Iterable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.diffusion.noise import window_noise
from kdtalker_jax.diffusion.samplers import make_sampler
from kdtalker_jax.diffusion.schedule import schedule_of
from kdtalker_jax.errors import InputError
from kdtalker_jax.features.mel import BANDS, WINDOW, MelStream, first_column, mel_windows
from kdtalker_jax.motion_models.kdtalker.config import DenoiserConfig


def audio_windows(
    encode: Callable[[np.ndarray], np.ndarray], pieces: Iterable[np.ndarray], size: int
) -> Iterator[np.ndarray]:
    """Audio features of each `size` video frames, as soon as the recording has come far enough.

    Args:
        encode: mel windows (size, 80, 16) -> features (size, C).
        pieces: of the 16 kHz waveform, (n,) each, any n.

    Yields:
        (size, C), from the last window fewer. The mel windows of a window of frames end 100 ms after it.
    """
    stream, mel, gone, start = MelStream(), np.zeros((0, BANDS), np.float32), 0, 0

    def window(mel: np.ndarray) -> np.ndarray:
        return np.asarray(encode(mel_windows(mel, start, start + size, gone)))

    for piece in pieces:
        mel = np.concatenate([mel, stream.push(piece)])  # (columns, 80)
        while first_column(start + size - 1) + WINDOW <= gone + len(mel):
            yield window(mel)
            start += size
            unseen = int(first_column(start))
            mel, gone = mel[unseen - gone :], unseen
    mel = np.concatenate([mel, stream.finish()])
    while start < stream.frames:
        yield window(mel)[: stream.frames - start]
        start += size


class WindowSampler:
    """Draws windows of motion, each from noise of its own: a longer recording begins with the same motion.

    Args:
        sample_window: `Stages.sample_window` with its parameters.
        config: sizes, and the noise that it was trained with.
        windows: how many there will be, None where nobody knows.
        sampler, steps, seed, initial_noise: as in `TalkingPortrait.animate`.

    Raises:
        InputError: no such sampler, or noise of another shape.
    """

    def __init__(
        self,
        sample_window: Callable[..., jax.Array],
        config: DenoiserConfig,
        windows: int | None,
        sampler: str,
        steps: int,
        seed: int,
        initial_noise: np.ndarray | None,
    ) -> None:
        self._sample_window, self._rule = sample_window, make_sampler(sampler, steps, schedule_of(config))
        self._key, self._noise = jax.random.key(seed), initial_noise
        self._shape, self._offset = (config.window, config.motion_size), config.noise_offset
        if initial_noise is not None:
            shape = (len(initial_noise) if windows is None else windows, *self._shape)
            if np.shape(initial_noise) != shape:
                raise InputError(f"The initial noise must have shape {shape}, not {np.shape(initial_noise)}.")

    def __call__(self, canonical: np.ndarray, i: int, reference: np.ndarray, features: np.ndarray) -> jax.Array:
        """Window i, normalised (size, 70): canonical token (70,), frame before it (70,), features (size, C)."""
        of_start, of_sampler = (jax.random.fold_in(jax.random.fold_in(self._key, i), use) for use in range(2))
        if self._noise is None:
            x_T = window_noise(of_start, self._shape, self._offset)
        elif i < len(self._noise):
            x_T = jnp.asarray(self._noise[i], jnp.float32)
        else:
            raise InputError(f"The initial noise ends after {len(self._noise)} windows; the recording goes on.")
        return self._sample_window(self._rule, canonical, reference, features, x_T, of_sampler)


def motion_windows(
    draw: Callable[[int, np.ndarray, np.ndarray], jax.Array],
    windows: Iterable[np.ndarray],
    reference: np.ndarray,
    size: int,
) -> Iterator[np.ndarray]:
    """Normalised motion of windows that follow each other: each starts from the last frame of the one before.

    Args:
        draw: (index, reference (70,), features (size, C)) -> motion (size, 70).
        windows: of features (n, C), where n is `size` but for the last.
        reference: (70,) the frame before the first window.

    Yields:
        (n, 70) for each.
    """
    beginning = None
    for i, window in enumerate(windows):
        if beginning is None:
            beginning = np.resize(window, (size, window.shape[1]))
        # The last window is filled up with features from the recording's start, as published.
        features = np.concatenate([window, beginning])[:size]  # (size, C)
        motion = np.asarray(draw(i, reference, features))  # (size, 70)
        reference = motion[-1]
        yield motion[: len(window)]
