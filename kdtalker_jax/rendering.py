"""From driving arrays to frames: on all devices of this process, one batch ahead of whoever takes the frames."""

import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from kdtalker_jax import parallel
from kdtalker_jax.backend import on_cpu
from kdtalker_jax.batching import fill_up, one_ahead
from kdtalker_jax.checks import is_whole
from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.renderers.protocol import Renderer

LARGEST_BATCH = 4096  # frames; of the published size, terabytes

Params = Mapping[str, Any]
Tree = Any


def default_dtype() -> str:
    """Of the networks that render: float32 on a CPU, bfloat16 on accelerators."""
    return "float32" if on_cpu() else "bfloat16"


def default_batch_size() -> int:
    """Frames per call of the networks: 1 for each CPU device, whose caches hold no more, 8 for each accelerator."""
    return parallel.local_device_count() * (1 if on_cpu() else 8)


def check_batch_size(batch_size: int) -> None:
    """Raises InputError where no machine can render so many frames at a time."""
    if not is_whole(batch_size, 1, LARGEST_BATCH):
        raise InputError(f"The batch size must be a whole number from 1 to {LARGEST_BATCH}, not {batch_size!r}.")


def batch_size_of(asked: int | None) -> int:
    """The one that was asked for, or the default. Raises InputError as `check_batch_size`."""
    if asked is None:
        return default_batch_size()
    check_batch_size(asked)
    return int(asked)


class FramePath:
    """A renderer's frames on all devices: (portrait, driving) -> results that may still be in the making.

    With several devices the rows of a batch are split between them and each holds the weights; with one, or where a
    frame depends on those before it, there is nothing around the renderer.

    Attributes:
        params: of the parts that run for every frame, on the first device: no second copy of what is spread.
    """

    def __init__(self, renderer: Renderer, params: Params) -> None:
        self._renderer = renderer
        self._devices = 1 if renderer.stateful else parallel.local_device_count()
        params = {part.name: params[part.name] for part in renderer.rendered}
        if self._devices == 1:
            self.params = jax.device_put(params)
            return
        self._spread = parallel.replicate(params)
        self.params = parallel.on_first_device(self._spread)
        self._mapped = parallel.spread_rows(lambda shared, driving: renderer.frames(*shared, (), driving)[1:])

    def begin(self, portrait: Tree) -> tuple[Tree, Tree]:
        """A portrait where `start` wants it, and the state before its first frame."""
        return portrait if self._devices == 1 else parallel.replicate(portrait), self._renderer.begin(portrait)

    def start(self, portrait: Tree, state: Tree, size: int, driving: Tree) -> tuple[Tree, tuple[jax.Array, jax.Array]]:
        """Begin with a batch of at most `size` rows, filled up to it: the state after it, and what `finish` wants."""
        size = -(-size // self._devices) * self._devices
        driving = jax.tree.map(lambda rows: fill_up(np.asarray(rows), size), driving)
        if self._devices == 1:
            state, frames, finite = self._renderer.frames(self.params, portrait, state, driving)
        else:
            frames, finite = self._mapped((self._spread, portrait), driving)
        frames.copy_to_host_async()
        return state, (frames, finite)

    def finish(self, rows: int, started: tuple[jax.Array, jax.Array]) -> tuple[np.ndarray, np.ndarray]:
        """Wait for a batch: frames uint8 (rows, H, W, 3), finite (rows,)."""
        frames, finite = started if self._devices == 1 else parallel.join(started)
        return np.asarray(frames)[:rows], np.asarray(finite)[:rows]


@dataclass
class Begun:
    """How far a portrait's frames are that come in pieces: what the next depends on, and how many there are."""

    placed: Tree
    state: Tree
    done: int = 0


class Frames:
    """Frames of any number of driving arrays. What overflows in low precision is rendered again in float32.

    Args:
        renderer: in the model's precision.
        params: of its parts.
        exact: makes the same renderer in float32; None where it is that already. A frame that depends on the one before
            cannot be made again alone.
    """

    def __init__(self, renderer: Renderer, params: Params, exact: Callable[[], Renderer] | None = None) -> None:
        self.path = FramePath(renderer, params)
        self._stateful, self._make_exact = renderer.stateful, None if renderer.stateful else exact
        self._params, self._lock = params, threading.Lock()
        self._exact: FramePath | None = None

    def begin(self, portrait: Tree) -> Begun:
        return Begun(*self.path.begin(portrait))

    def __call__(
        self, portrait: Tree, driving: Tree, batch_size: int, begun: Begun | None = None
    ) -> Iterator[np.ndarray]:
        """Arrays (T, ...) -> frames uint8 (b, H, W, 3) in their order, b at most `batch_size`.

        While the caller uses a batch the devices render the next: two are held at a time, however many there are.

        Args:
            begun: of frames that come in pieces, from `begin`, the same for all of them.

        Raises:
            InputError: the batch size. CheckpointError: frames that are not finite, as damaged weights make them.
        """
        check_batch_size(batch_size)
        # Rows that fill a batch up would be frames before those of the next piece.
        batches = _batches(driving, batch_size, one_by_one=self._stateful and begun is not None)
        begun, warned = begun or self.begin(portrait), False

        def start(sized: tuple[int, Tree]) -> tuple[jax.Array, jax.Array]:
            begun.state, started = self.path.start(begun.placed, begun.state, *sized)
            return started

        for (_, batch), started in one_ahead(start, batches):
            rows = len(jax.tree.leaves(batch)[0])
            frames, finite = self.path.finish(rows, started)
            if self._make_exact is not None and not finite.all():
                if not warned:
                    warnings.warn("Some frames overflow in bfloat16; they are rendered in float32.", stacklevel=2)
                    warned = True
                frames, finite = self._again(portrait, batch, rows, batch_size)
            if not finite.all():
                frame = begun.done + int(np.argmin(finite)) + 1
                raise CheckpointError(
                    f"Frame {frame} holds values that are not finite: the model's weights are damaged (copy or convert "
                    "it again), or the motion is that of no head."
                )
            begun.done += rows
            yield frames

    def _again(self, portrait: Tree, batch: Tree, rows: int, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
        with self._lock:
            if self._exact is None:
                self._exact = FramePath(self._make_exact(), self._params)
        placed, state = self._exact.begin(portrait)
        _, started = self._exact.start(placed, state, batch_size, batch)
        return self._exact.finish(rows, started)


def _batches(driving: Tree, size: int, *, one_by_one: bool) -> Iterator[tuple[int, Tree]]:
    """Rows (b, ...) of arrays, and to how many they are to be filled up: `size`, or what is left `one_by_one`."""
    total = len(jax.tree.leaves(driving)[0])
    whole = total - total % size if one_by_one else total
    spans = [(i, size) for i in range(0, whole, size)] + [(i, 1) for i in range(whole, total)]
    for first, count in spans:
        yield count, jax.tree.map(lambda rows, first=first, count=count: rows[first : first + count], driving)
