"""Seeds: which there are, and the random keys that they stand for. JAX takes a second to load: not for `check_seed`."""

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from kdtalker_jax.errors import InputError

if TYPE_CHECKING:
    import jax

LARGEST_SEED = 2**64 - 1  # a key holds 64 bits


def check_seed(seed: Any) -> int:
    """The seed as an int.

    Raises:
        InputError: it is no whole number from 0 to 2^64 - 1.
    """
    if not isinstance(seed, (bool, np.bool_)):
        try:
            number = operator.index(seed)
        except TypeError:
            number = -1
        if 0 <= number <= LARGEST_SEED:
            return number
    raise InputError(f"A seed is a whole number from 0 to {LARGEST_SEED}, not {seed!r}.")


def random_key(seed: Any, impl: str = "threefry2x32") -> "jax.Array":
    """A key of its own for every seed: `jax.random.key(seed)`, of which only the lower 32 bits would count.

    Args:
        seed: see `check_seed`.
        impl: "threefry2x32", JAX's default, whatever the program around has set; or "rbg", "unsafe_rbg".
    """
    import jax

    high, low = divmod(check_seed(seed), 2**32)
    words = [high, low] if impl == "threefry2x32" else [high, low] * 2
    return jax.random.wrap_key_data(np.array(words, np.uint32), impl=impl)
