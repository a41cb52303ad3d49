"""Sequences of any length go through a function that is compiled for one."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.batching import in_batches, in_stacks, one_ahead


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 8, 11])
def test_result_is_that_of_one_call(rows):
    a, b = np.arange(rows * 6.0).reshape(rows, 2, 3), np.arange(rows) - 2.0
    expected = {"sum": a + b[:, None, None], "square": b**2}
    result = in_batches(lambda a, b: {"sum": a + b[:, None, None], "square": b**2}, 4, a, b)
    jax.tree.map(np.testing.assert_array_equal, result, expected)


@pytest.mark.parametrize("rows", [1, 4, 7])
def test_rows_that_come_one_by_one_are_not_held(rows):
    taken, array = [], np.arange(rows * 2.0).reshape(rows, 2)
    seen = []

    def square(batch):
        seen.append(len(taken))
        return batch**2

    np.testing.assert_array_equal(in_stacks(square, 3, (taken.append(1) or row for row in array)), array**2)
    assert seen == [min(end, rows) for end in range(3, rows + 3, 3)]


def test_jitted_function_is_traced_once_for_all_lengths():
    chex.clear_trace_counter()
    double = jax.jit(chex.assert_max_traces(lambda x: 2 * x, n=1))
    for rows in (1, 4, 9, 30):
        assert in_batches(double, 4, np.ones((rows, 2), np.float32)).shape == (rows, 2)


def test_rows_that_fill_up_a_batch_are_real_ones():
    """Filling up with zeros could divide by them."""
    with jax.debug_nans(True):
        np.testing.assert_array_equal(in_batches(jax.jit(lambda x: 1 / x), 4, jnp.full(5, 2.0)), np.full(5, 0.5))


@pytest.mark.parametrize("arrays", [(np.ones(0),), (np.ones(3), np.ones(4))])
def test_nothing_or_uneven_arrays_are_refused(arrays):
    with pytest.raises(ValueError, match="same number of rows"):
        in_batches(lambda *rows: rows, 2, *arrays)


@pytest.mark.parametrize("items", [0, 1, 2, 5])
def test_each_item_is_handed_out_after_the_next_was_started(items):
    """In order, and never more than two at a time: what is started is bounded."""
    started = []
    for i, pair in enumerate(one_ahead(lambda item: started.append(item) or -item, range(items))):
        assert pair == (i, -i)
        assert started == list(range(min(i + 2, items)))
    assert started == list(range(items))


def test_what_goes_wrong_at_the_start_of_an_item_is_seen():
    with pytest.raises(ZeroDivisionError):
        list(one_ahead(lambda item: 1 / item, [1, 0, 1]))
