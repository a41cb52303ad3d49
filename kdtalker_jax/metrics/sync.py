"""LSE-D and LSE-C: how well lips fit the speech, by SyncNet as in Wav2Lip's evaluation (arXiv 2008.10010, 4.2)."""

from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import cv2
import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.batching import in_stacks
from kdtalker_jax.media.rates import num_frames
from kdtalker_jax.metrics.mfcc import mfcc
from kdtalker_jax.metrics.syncnet import SYNCNET
from kdtalker_jax.model_config import ModelConfig

MAX_OFFSET = 15  # frames of 40 ms that the sound is shifted by, either way
COLUMNS_PER_FRAME = 4  # of the MFCC
EPSILON = 1e-6  # added to differences, as in PyTorch's pairwise_distance


class SyncScore(NamedTuple):
    """All NaN where a clip is too short.

    Attributes:
        distance: LSE-D, at the best offset; lower is better.
        confidence: LSE-C, how far that lies below the median of all offsets; higher is better.
        offset: the best one, in frames of 40 ms; positive where the sound is ahead of the lips.
    """

    distance: float
    confidence: float
    offset: float


class SyncJudge:
    """SyncNet, compiled for batches of one size.

    Args:
        config: sizes.
        params: of "syncnet", folded.
        batch_size: windows of five frames that it sees at a time.
    """

    def __init__(self, config: ModelConfig, params: Any, batch_size: int = 8) -> None:
        self.config = config.syncnet
        self.batch_size = batch_size
        network, params = SYNCNET.build(config), jax.device_put(params)

        @partial(jax.jit, static_argnames="method")
        def embed(params: Any, rows: jax.Array, method: str) -> jax.Array:
            return network.apply(params, rows.astype(jnp.float32), method=method)

        self._embed = partial(embed, params)

    def score(self, frames: Iterable[np.ndarray], count: int, waveform: np.ndarray) -> SyncScore:
        """Judge a clip.

        Args:
            frames: uint8 RGB (H, W, 3), 25 a second, of the face alone, read `as_opencv` like Wav2Lip reads them; they
                are resized to 224x224 whatever their shape.
            count: how many there are.
            waveform: (samples,) at 16 kHz, beginning with the first frame.
        """
        windows = min(count, num_frames(len(waveform))) - self.config.frames
        if windows < 1:
            return SyncScore(np.nan, np.nan, np.nan)
        return score(self.embed_lips(frames, windows), self.embed_speech(mfcc(waveform), windows))

    def embed_lips(self, frames: Iterable[np.ndarray], windows: int) -> np.ndarray:
        """Features (n, 1024) of the first n windows; window i has frames i to i + 4."""
        return self.embed("embed_lips", islice(self._lip_windows(frames), windows))

    def embed_speech(self, columns: np.ndarray, windows: int) -> np.ndarray:
        """Features (n, 1024) of MFCC (columns, 13); window i has columns 4 i to 4 i + 19."""
        starts = range(0, COLUMNS_PER_FRAME * windows, COLUMNS_PER_FRAME)
        return self.embed("embed_audio", (columns[i : i + self.config.columns] for i in starts))

    def embed(self, method: str, rows: Iterable[np.ndarray]) -> np.ndarray:
        """Features (n, 1024) of single inputs of one of the network's methods."""
        return in_stacks(partial(self._embed, method=method), self.batch_size, rows)

    def _lip_windows(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """(5, 224, 224, 3) BGR, one for every frame that has four successors."""
        size, window = (self.config.image_size,) * 2, deque(maxlen=self.config.frames)
        for frame in frames:
            window.append(cv2.resize(frame, size)[..., ::-1])
            if len(window) == self.config.frames:
                yield np.stack(window)


def score(lips: np.ndarray, speech: np.ndarray) -> SyncScore:
    """From features (n, 1024) of the same windows, n at least 1."""
    distances = mean_distances(lips, speech)
    best = int(distances.argmin())
    return SyncScore(float(distances[best]), float(np.median(distances) - distances[best]), float(MAX_OFFSET - best))


def mean_distances(lips: np.ndarray, speech: np.ndarray) -> np.ndarray:
    """(31,) distances of lips at i to speech at i - 15 .. i + 15, meaned over i; beyond its ends speech is zero."""
    padded = np.pad(speech, ((MAX_OFFSET, MAX_OFFSET), (0, 0)))
    shifted = (padded[shift : shift + len(lips)] for shift in range(2 * MAX_OFFSET + 1))
    return np.array([np.linalg.norm(lips - rows + EPSILON, axis=1).mean() for rows in shifted])
