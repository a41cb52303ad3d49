"""From driving keypoints to frames: on all devices of this process, one batch ahead of whoever takes the frames."""

import warnings
from collections.abc import Iterator
from functools import cached_property, partial

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax import parallel
from kdtalker_jax.batching import fill_up, one_ahead
from kdtalker_jax.errors import InputError
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.stages import Params, SourceArrays, Stages

NETWORKS_OF_FRAMES = ("warping", "generator")


def default_dtype() -> str:
    """Of the networks that render: float32 on a CPU, bfloat16 on accelerators."""
    return "float32" if jax.default_backend() == "cpu" else "bfloat16"


def default_batch_size() -> int:
    """Frames per call of the networks: 1 for each CPU device, whose caches hold no more, 8 for each accelerator."""
    return parallel.local_device_count() * (1 if jax.default_backend() == "cpu" else 8)


class FramePath:
    """The render stage of all devices: (source, keypoints) -> results that may still be in the making.

    With several devices the rows of a batch are split between them and each holds the weights; with one there is
    nothing around the stage.
    """

    def __init__(self, stages: Stages, params: Params) -> None:
        self._params = {name: params[name] for name in NETWORKS_OF_FRAMES}
        self._render = stages.render
        self._devices = parallel.local_device_count()
        if self._devices > 1:
            self._params = parallel.replicate(self._params)
            self._mapped = parallel.spread_rows(lambda shared, keypoints: stages.render(*shared, keypoints))

    def place(self, source: SourceArrays) -> SourceArrays:
        """A portrait where `start` wants it."""
        return source if self._devices == 1 else parallel.replicate(source)

    def start(self, source: SourceArrays, size: int, keypoints: np.ndarray) -> tuple[jax.Array, jax.Array]:
        """Begin with a batch of at most `size` rows; for `finish`."""
        size = -(-size // self._devices) * self._devices
        keypoints = fill_up(keypoints, size)
        if self._devices == 1:
            frames, finite = self._render(self._params, source, keypoints)
        else:
            frames, finite = self._mapped((self._params, source), keypoints)
        frames.copy_to_host_async()
        return frames, finite

    def finish(self, rows: int, started: tuple[jax.Array, jax.Array]) -> tuple[np.ndarray, np.ndarray]:
        """Wait for a batch: frames uint8 (rows, H, W, 3), finite (rows,)."""
        frames, finite = started if self._devices == 1 else parallel.join(started)
        return np.asarray(frames)[:rows], np.asarray(finite)[:rows]


class Renderer:
    """Frames of any number of keypoints. What overflows in low precision is rendered again in float32.

    Args:
        stages: of the model.
        dtype: "float32" or a lower one; that of `stages.render`.
    """

    def __init__(self, config: ModelConfig, stages: Stages, params: Params, dtype: str) -> None:
        self.config, self.params, self.dtype = config, params, dtype
        self._path = FramePath(stages, params)

    def frames(self, source: SourceArrays, keypoints: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
        """Keypoints (T, K, 3) -> frames uint8 (b, H, W, 3) in their order, b at most `batch_size`.

        While the caller uses a batch the devices render the next: two are held at a time, however many there are.
        """
        if batch_size < 1:
            raise InputError(f"The batch size must be at least 1, not {batch_size}.")
        batches = (keypoints[i : i + batch_size] for i in range(0, len(keypoints), batch_size))
        start = partial(self._path.start, self._path.place(source), batch_size)
        warned = False
        for batch, started in one_ahead(start, batches):
            frames, finite = self._path.finish(len(batch), started)
            if self.dtype != "float32" and not finite.all():
                if not warned:
                    warnings.warn(f"Some frames overflow in {self.dtype}; they are rendered in float32.", stacklevel=2)
                    warned = True
                exact = self._exact.start(self._exact.place(source), batch_size, batch)
                frames, _ = self._exact.finish(len(batch), exact)
            yield frames

    @cached_property
    def _exact(self) -> FramePath:
        return FramePath(Stages(self.config, jnp.float32), self.params)
