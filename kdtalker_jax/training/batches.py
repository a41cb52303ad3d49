"""The batches of a run, made ahead of time: each is known by its number alone. And the order of what is in them."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Generic, TypeVar

import numpy as np

Batch = TypeVar("Batch")


class NumberedBatches(Iterator[Batch], Generic[Batch]):
    """Batches 0 to `count` - 1 in their order, made by grain's threads before they are asked for.

    A whole batch is one element to grain: what it does for each of its elements takes longer than a sample's making.

    Args:
        make: a batch from its number, from any thread.
        count: of the run.
        threads: that make them.
        prefetch: how many lie ready.
    """

    def __init__(self, make: Callable[[int], Batch], count: int, *, threads: int, prefetch: int) -> None:
        import grain  # takes a second, and a step of training can be had without

        options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=prefetch)
        self._iterator = iter(grain.MapDataset.range(count).map(make).to_iter_dataset(options))

    def __next__(self) -> Batch:
        return next(self._iterator)

    @property
    def state(self) -> dict[str, Any]:
        """Where the next batch is: the same in all processes, and for any number of them."""
        return self._iterator.get_state()

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self._iterator.set_state(state)


class Order:
    """The clips of a split in an order without end: each epoch all of them once, in an order of its own."""

    def __init__(self, clips: int, seed: int) -> None:
        self._clips = clips
        self._epoch = lru_cache(maxsize=2)(lambda epoch: np.random.default_rng([seed, 0, epoch]).permutation(clips))

    def __getitem__(self, places: np.ndarray) -> np.ndarray:
        """Indices of the clips at these places (B,), which rise."""
        epochs, within = np.divmod(places, self._clips)
        return np.concatenate([self._epoch(int(epoch))[within[epochs == epoch]] for epoch in np.unique(epochs)])


def start_at(length: int, fraction: float, frames: int) -> int:
    """Where a sample begins in a clip, for a number from 0 to below 1: uniform, both ends included."""
    return int(fraction * (length - frames + 1))
