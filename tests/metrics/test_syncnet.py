"""SyncNet at small widths; its published sizes are compared with recorded numbers in tests/parity."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from configs import PUBLISHED, SMALL
from kdtalker_jax.metrics.syncnet import ClipConv, Pool, max_pool
from kdtalker_jax.nn.folding import fold
from kdtalker_jax.random_parts import random_variables
from tests.networks import PARTS


@pytest.fixture(scope="module")
def variables():
    return random_variables("syncnet", SMALL)


@pytest.fixture(scope="module")
def inputs():
    random = np.random.default_rng(5)
    mfcc = random.standard_normal((2, 20, 13)).astype(np.float32)
    return mfcc, random.random((2, 5, 224, 224, 3), dtype=np.float32)


def apply(variables, *arguments, **keywords):
    module = PARTS["syncnet"].build(SMALL, **keywords)
    return jax.jit(module.apply)(variables, *arguments)


def assert_close(actual, expected, tolerance=2e-5):
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=tolerance * np.std(b), rtol=0)


def test_published_sizes_have_the_published_number_of_parameters():
    count = sum(leaf.size for leaf in jax.tree.leaves(PARTS["syncnet"].shapes(PUBLISHED)["params"]))
    assert count / 1e6 == pytest.approx(13.6, rel=0.01)


def test_folded_equals_unfolded(variables, inputs):
    """Norms multiplied into the kernels, also that behind a linear layer, change nothing."""
    assert_close(apply(fold(variables), *inputs), apply(variables, *inputs, folded=False))


def test_a_batch_equals_its_rows_one_by_one(variables, inputs):
    batch = apply(fold(variables), *inputs)
    rows = [apply(fold(variables), *(x[i : i + 1] for x in inputs)) for i in range(2)]
    assert_close([np.concatenate(row) for row in zip(*rows, strict=True)], batch)


def test_bfloat16_stays_close(variables, inputs):
    low = apply(fold(variables), *inputs, dtype=jnp.bfloat16)
    assert all(x.dtype == np.float32 for x in low)
    assert_close(low, apply(fold(variables), *inputs), 0.03)  # half as much again as three draws of weights come to


def test_order_of_frames_matters(variables, inputs):
    """Kernels are as deep as the clip: every frame meets weights of its own."""
    _, lips = apply(fold(variables), *inputs)
    _, backwards = apply(fold(variables), inputs[0], inputs[1][:, ::-1])
    assert np.abs(lips - backwards).max() > 0.01 * np.std(lips)


@pytest.mark.parametrize("frames", [1, 5])
def test_convolution_of_a_clip_is_the_3d_one(frames):
    random = np.random.default_rng(0)
    x = random.standard_normal((2, frames, 9, 8, 3)).astype(np.float32)
    kernel, bias = random.standard_normal((frames, 5, 4, 3, 6)).astype(np.float32), np.arange(6, dtype=np.float32)
    conv = ClipConv(6, (5, 4), (2, 1), ((1, 1), (0, 2)))
    y = conv.apply({"params": {"kernel": kernel, "bias": bias}}, x)
    dimensions = ("NDHWC", "DHWIO", "NDHWC")
    expected = lax.conv_general_dilated(x, kernel, (1, 2, 1), ((0, 0), (1, 1), (0, 2)), dimension_numbers=dimensions)
    np.testing.assert_allclose(y, expected + bias, rtol=1e-4, atol=1e-4)


def test_the_pool_does_not_see_its_padding():
    """Zeros at the border would be the largest of negative values."""
    x = -np.arange(1.0, 26, dtype=np.float32).reshape(1, 5, 5, 1)
    pooled = max_pool(jnp.asarray(x), Pool((2, 2), padding=1))
    np.testing.assert_array_equal(pooled[0, ..., 0], [[-1, -2, -4], [-6, -7, -9], [-16, -17, -19]])
