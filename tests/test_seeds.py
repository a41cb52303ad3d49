"""Every seed gives random numbers of its own, those below 2^32 the ones of JAX itself; all else is refused."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdtalker_jax.errors import InputError
from kdtalker_jax.seeds import LARGEST_SEED, check_seed, random_key

SEEDS = [0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**63 - 1, 2**63, LARGEST_SEED]
NO_SEEDS = [-1, 2**64, -(2**63), 1.5, 1.0, "3", None, True, np.bool_(True), np.float64(3), [1], np.array([1]), 10**400]


def bits(key):
    return tuple(np.asarray(jax.random.bits(key, (4,), np.uint32)).tolist())


def test_all_seeds_differ():
    assert len({bits(random_key(seed)) for seed in SEEDS}) == len(SEEDS)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("impl", ["threefry2x32", "rbg", "unsafe_rbg"])
def test_small_seeds_give_the_keys_of_jax(impl, seed):
    expected, key = jax.random.key(seed, impl=impl), random_key(seed, impl)
    assert key.dtype == expected.dtype
    np.testing.assert_array_equal(jax.random.key_data(key), jax.random.key_data(expected))


@pytest.mark.parametrize("host", [("jax_enable_x64", True), ("jax_default_prng_impl", "rbg")])
def test_what_the_program_around_has_set_changes_no_key(host):
    name, value = host
    before, expected = getattr(jax.config, name), [bits(random_key(seed)) for seed in SEEDS]
    jax.config.update(name, value)
    try:
        assert [bits(random_key(seed)) for seed in SEEDS] == expected
    finally:
        jax.config.update(name, before)


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64, np.uint64])
def test_integers_of_numpy_are_seeds(kind):
    assert check_seed(kind(7)) == 7
    assert type(check_seed(kind(7))) is int


@pytest.mark.parametrize("seed", NO_SEEDS)
def test_what_is_no_seed_is_refused(seed):
    for take in (check_seed, random_key):
        with pytest.raises(InputError, match="A seed is a whole number from 0 to 18446744073709551615"):
            take(seed)
