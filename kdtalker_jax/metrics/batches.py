"""Iterators of any length through functions that are compiled for batches of one size."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import jax
import numpy as np

from kdtalker_jax.batching import in_batches


def in_stacks(function: Callable[..., Any], size: int, rows: Iterable[np.ndarray]) -> Any:
    """`batching.in_batches` for rows that come one by one, of which no more than `size` are held.

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
