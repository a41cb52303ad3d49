"""Many channels to one: their mean, as librosa takes it, or the loudest of them where they would cancel each other."""

import warnings
from collections.abc import Iterable, Iterator

import numpy as np

from kdtalker_jax.errors import InputError

_LOSS = 100.0  # 20 dB of power; of n unrelated channels the mean loses n, of one that is alone in n channels also n
_SILENT = 1e-7  # variance: -70 dB below full scale
_FULL_SCALE_OF_INT16 = 32768
_MOST_LIKE_FLOATS = 8.0  # whole numbers beyond are samples of 16 bits that were not divided by 32768
_LOUDEST = 1e3  # 60 dB above full scale, which no recording means; AAC fails at 1e16, the mel spectrogram sooner


def check_values(block: np.ndarray, name: str) -> None:
    """Refuse what cannot be sound of full scale +-1; `name` begins the sentence.

    Raises:
        InputError: values that are not finite or absurdly large, or 16-bit samples as floats.
    """
    if block.size == 0:
        return
    peak = max(block.max(), -block.min())
    if peak <= _MOST_LIKE_FLOATS:
        return
    if not np.isfinite(peak):
        raise InputError(f"{name} holds values that are not finite numbers; export it again.")
    if (peak <= _FULL_SCALE_OF_INT16 and np.array_equal(block, np.rint(block))) or peak > _LOUDEST:
        raise InputError(
            f"{name} holds values up to {peak:.6g}, but full scale is 1: "
            "divide 16-bit samples by 32768, or export it again."
        )


class Mixer:
    """Mixes blocks of shape (n, channels) to (n,), and sees by how much the channels cancel each other.

    Args:
        channel: take this one alone.
    """

    def __init__(self, channel: int | None = None) -> None:
        self.channel = channel
        self._samples = 0
        self._sums = self._squares = np.zeros(1)  # of each channel, and of their mean at the end: (channels + 1,)

    def __call__(self, block: np.ndarray) -> np.ndarray:
        if self.channel is not None:
            return block[:, self.channel].astype(np.float32)
        mono = block.mean(axis=1, dtype=np.float32)
        if block.shape[1] > 1:
            self._see(block, mono)
        return mono

    @property
    def heard(self) -> bool:
        """Whether there was any sound yet in more than one channel."""
        return bool(self._variances()[:-1].max(initial=0) > _SILENT)

    @property
    def cancels(self) -> bool:
        """Whether the mean loses more than 20 dB of the power of the channels."""
        *channels, mean = self._variances()
        return self.heard and _LOSS * mean < np.mean(channels)

    @property
    def loudest(self) -> int:
        """The first channel that is as loud as any, but for rounding."""
        channels = self._variances()[:-1]
        return int(np.argmax(channels > 0.99 * channels.max()))

    def _see(self, block: np.ndarray, mono: np.ndarray) -> None:
        both = np.column_stack([block, mono])
        self._samples += len(block)
        self._sums = self._sums + both.sum(axis=0, dtype=np.float64)
        self._squares = self._squares + np.einsum("nc,nc->c", both, both, dtype=np.float64)

    def _variances(self) -> np.ndarray:
        samples = max(self._samples, 1)
        return self._squares / samples - (self._sums / samples) ** 2  # of a constant offset nothing is heard


def warn_of_cancelling(name: str) -> None:
    """One line about why one channel is heard alone."""
    warnings.warn(f"{name} has channels that cancel each other; only the loudest is heard.", stacklevel=2)


def mix_as_it_comes(blocks: Iterable[np.ndarray], rate: int, name: str) -> Iterator[np.ndarray]:
    """Mix a recording that is heard only once, such as one that is still being made.

    Whether channels cancel each other is judged by the first second; where that is silent, by what comes until
    something is heard.

    Yields:
        blocks of shape (n,); of several channels, those of the first second at once.
    """
    mixer, held, samples, decided = Mixer(), [], 0, False
    for block in blocks:
        if decided or block.shape[1] == 1:
            yield mixer(block)
            continue
        held.append((block, mixer(block)))
        samples += len(block)
        if samples < rate:
            continue
        decided = mixer.heard
        mixer = _settled(mixer, name)
        yield from _mixed(held, mixer)
        held = []
    yield from _mixed(held, _settled(mixer, name))


def _settled(mixer: Mixer, name: str) -> Mixer:
    """The mixer to go on with, and one line about it where it takes one channel."""
    if not mixer.cancels:
        return mixer
    warn_of_cancelling(name)
    return Mixer(mixer.loudest)


def _mixed(held: list[tuple[np.ndarray, np.ndarray]], mixer: Mixer) -> Iterator[np.ndarray]:
    """Blocks that waited with their means."""
    return (mean if mixer.channel is None else mixer(block) for block, mean in held)
