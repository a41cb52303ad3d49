"""What holds for every network, checked at the small sizes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import PUBLISHED, SMALL
from kdtalker_jax.nn.folding import fold
from tests.networks import PARTS, REQUIRED

# Parameters of the published files, in millions (statistics not counted).
PUBLISHED_MILLIONS = {
    "appearance": 0.84, "motion_extractor": 28.1, "warping": 45.5, "generator": 55.4, "retargeting": 0.23,
    "audio_encoder": 2.8, "denoiser": 42.9,
}  # fmt: skip

# Largest difference between bfloat16 and float32, of an output's standard deviation: half as much again as the largest
# that has been measured on a CPU with three draws of weights.
BFLOAT16 = {
    "appearance": 0.051, "motion_extractor": 0.117, "warping": 0.086, "generator": 0.135, "retargeting": 0.04,
    "audio_encoder": 0.088, "denoiser": 0.06,
}  # fmt: skip


def inputs(name, batch=3):
    """Random inputs of the small sizes: positional arguments, keyword arguments."""
    random = np.random.default_rng(5)

    def normal(*shape):
        return random.standard_normal((batch, *shape)).astype(np.float32)

    picture = random.random((batch, 64, 64, 3), dtype=np.float32)
    source, driving = 0.4 * normal(21, 3), 0.4 * normal(21, 3)
    return {
        "appearance": ((picture,), {}),
        "motion_extractor": ((picture,), {}),
        "warping": ((normal(4, 16, 16, 4),), {"source": source, "driving": driving}),
        "generator": ((normal(16, 16, 16),), {}),
        "retargeting": ((source, driving), {}),
        "audio_encoder": ((normal(80, 16),), {}),
        "denoiser": ((normal(66, 70), np.array([3, 500, 999]), normal(66, 16)), {}),
    }[name]


@functools.partial(jax.jit, static_argnames=("name", "dtype", "folded"))
def apply(name, variables, arguments, keywords, dtype=jnp.float32, folded=True):
    module = PARTS[name].build(SMALL, folded=folded, dtype=dtype)
    return module.apply(variables, *arguments, **keywords)


def assert_close(actual, expected, tolerance):
    """Largest difference of each output, relative to its standard deviation."""
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        scale = float(jnp.std(b))
        assert scale > 0, "an output that never varies proves nothing"
        np.testing.assert_allclose(a, b, atol=tolerance * scale, rtol=0)


@pytest.mark.parametrize("name", REQUIRED)
def test_published_sizes_have_the_published_number_of_parameters(name):
    count = sum(leaf.size for leaf in jax.tree.leaves(PARTS[name].shapes(PUBLISHED)["params"]))
    assert count / 1e6 == pytest.approx(PUBLISHED_MILLIONS[name], rel=0.02)


@pytest.mark.parametrize("name", REQUIRED)
def test_folded_equals_unfolded(name, small_variables):
    """Inference trees, with norms multiplied into the kernels, compute what training trees compute."""
    arguments, keywords = inputs(name)
    unfolded = apply(name, small_variables[name], arguments, keywords, folded=False)
    folded = apply(name, fold(small_variables[name]), arguments, keywords)
    assert_close(folded, unfolded, 2e-5)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_batch_equals_its_rows_one_by_one(name, small_variables):
    arguments, keywords = inputs(name)
    variables = fold(small_variables[name])
    batch = apply(name, variables, arguments, keywords)
    rows = [apply(name, variables, *jax.tree.map(lambda x, i=i: x[i : i + 1], (arguments, keywords))) for i in range(3)]
    assert_close(jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *rows), batch, 2e-5)


@pytest.mark.parametrize("name", REQUIRED)
def test_jit_equals_no_jit(name, small_variables):
    arguments, keywords = inputs(name)
    variables = fold(small_variables[name])
    plain = PARTS[name].build(SMALL).apply(variables, *arguments, **keywords)
    assert_close(apply(name, variables, arguments, keywords), plain, 2e-5)


@pytest.mark.parametrize("name", REQUIRED)
def test_bfloat16_stays_close(name, small_variables):
    """bfloat16 has 8 bits of mantissa; what leaves a network for the outside is float32 all the same."""
    arguments, keywords = inputs(name)
    variables = fold(small_variables[name])
    exact = apply(name, variables, arguments, keywords)
    low = apply(name, variables, arguments, keywords, dtype=jnp.bfloat16)
    assert_close(jax.tree.map(lambda x: x.astype(jnp.float32), low), exact, BFLOAT16[name])


@pytest.mark.parametrize("name", ["appearance", "warping", "audio_encoder"])
def test_training_updates_the_batch_statistics(name, small_variables):
    arguments, keywords = inputs(name)
    module = PARTS[name].build(SMALL, folded=False)
    _, update = module.apply(small_variables[name], *arguments, **keywords, train=True, mutable=["batch_stats"])
    for new, old in zip(
        jax.tree.leaves(update["batch_stats"]), jax.tree.leaves(small_variables[name]["batch_stats"]), strict=True
    ):
        assert not np.array_equal(new, old)
