"""Work on sequences of any length with functions that are compiled for one."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from typing import Any

import jax
import numpy as np


def in_batches(function: Callable[..., Any], size: int, *arrays: np.ndarray) -> Any:
    """Apply a function to `size` rows at a time and join the results: memory is bounded, jit traces once.

    Args:
        function: (size, ...) arrays -> pytree of (size, ...) arrays; each row's result depends on that row alone.
        size: rows per call. The last batch is filled up by repeating its last row.
        arrays: each (N, ...) with the same N >= 1.

    Returns:
        The function's pytree with numpy arrays (N, ...).
    """
    rows = len(arrays[0])
    if rows == 0 or any(len(array) != rows for array in arrays):
        raise ValueError(f"arrays need the same number of rows, at least one: {[len(array) for array in arrays]}")

    def batch(start: int) -> Any:
        result = function(*(fill_up(array[start : start + size], size) for array in arrays))
        return jax.tree.map(lambda leaf: np.asarray(leaf)[: rows - start], result)

    batches = [batch(start) for start in range(0, rows, size)]
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *batches)


def in_stacks(function: Callable[..., Any], size: int, rows: Iterable[np.ndarray]) -> Any:
    """`in_batches` for rows that come one by one, of which no more than `size` are held.

    Args:
        function: (size, ...) array -> pytree of (size, ...) arrays.
        rows: at least one array.

    Returns:
        The function's pytree with numpy arrays (N, ...).
    """
    rows, results = iter(rows), []
    while stack := list(islice(rows, size)):
        results.append(in_batches(function, size, np.stack(stack)))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *results)


def fill_up(rows: np.ndarray, size: int) -> np.ndarray:
    """Repeat the last row of (n, ...), n >= 1, until there are `size`."""
    return np.pad(rows, [(0, size - len(rows)), *[(0, 0)] * (rows.ndim - 1)], mode="edge")


def one_ahead(start: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Pairs (item, start(item)) in order, each handed out only after the next item was started.

    Where `start` returns JAX arrays, which a device computes while the program goes on, the device works on one item
    while the caller uses the one before. At most two are alive.
    """
    waiting = None
    for item in items:
        started = (item, start(item))
        if waiting is not None:
            yield waiting
        waiting = started
    if waiting is not None:
        yield waiting


def made_ahead(items: Iterable[Any]) -> Iterator[Any]:
    """Items in their order, each handed out once the next one's making has begun, in a thread of its own.

    For items whose making waits, for sound or for the device, which `one_ahead` would let the caller wait for as well.
    At most two are alive, and nothing is begun before the first is asked for. What goes wrong in an item's making is
    raised where it would have come. A caller that stops early waits for nothing: the item in the making is dropped.
    """
    iterator, end = iter(items), object()

    def begin() -> Future:
        future: Future = Future()

        def make() -> None:
            try:
                future.set_result(next(iterator, end))
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=make, name="made_ahead", daemon=True).start()
        return future

    waiting = begin()
    while (item := waiting.result()) is not end:
        waiting = begin()
        yield item
