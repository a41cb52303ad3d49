"""Seeds: which there are, and the random keys that they stand for."""

from typing import TYPE_CHECKING, Any

import numpy as np

from kdtalker_jax.checks import is_whole
from kdtalker_jax.errors import InputError

if TYPE_CHECKING:
    import jax

LARGEST_SEED = 2**64 - 1  # a key holds 64 bits


def check_seed(seed: Any) -> int:
    """The seed as an int.

    Raises:
        InputError: it is no whole number from 0 to 2^64 - 1.
    """
    if not is_whole(seed, 0, LARGEST_SEED):
        raise InputError(f"A seed is a whole number from 0 to {LARGEST_SEED}, not {seed!r}.")
    return int(seed)


def random_key(seed: Any, impl: str = "threefry2x32") -> "jax.Array":
    """A key of its own for every seed; below 2^32 that of `jax.random.key`, which looks at 32 bits of any.

    Args:
        seed: see `check_seed`.
        impl: "threefry2x32", JAX's default, whatever the program around has set; or "rbg", "unsafe_rbg".
    """
    import jax  # takes a second: not needed to check a command line

    words = list(divmod(check_seed(seed), 2**32))
    words = words if impl == "threefry2x32" else words * 2
    return jax.random.wrap_key_data(np.array(words, np.uint32), impl=impl)
