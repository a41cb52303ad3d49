"""What tests of checkpoints compare."""

import jax
import numpy as np


def assert_same_tree(actual, expected) -> None:
    """NumPy arrays, equal bit for bit."""
    assert jax.tree.structure(actual) == jax.tree.structure(dict(expected))
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert isinstance(a, np.ndarray)
        assert a.dtype == b.dtype
        assert np.array_equal(a, b)
