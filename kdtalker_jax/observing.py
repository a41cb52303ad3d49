"""What a renderer sees in pictures of a person: the motion in any number of them, in bounded memory."""

from collections.abc import Iterable
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from kdtalker_jax.batching import in_stacks
from kdtalker_jax.errors import InputError
from kdtalker_jax.renderers.protocol import Renderer

OBSERVED_AT_ONCE = 8  # pictures


def observed(renderer: Renderer, params: Any, cuts: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
    """`Renderer.observe` of pictures cut to the face, uint8 (S, S, 3), which come one by one: (T, ...) by field.

    Raises InputError where there are none.
    """
    cuts = iter(cuts)
    if (first := next(cuts, None)) is None:
        raise InputError("The video has no frames.")
    params = {part.name: params[part.name] for part in renderer.observing}
    return in_stacks(partial(renderer.observe, params), OBSERVED_AT_ONCE, chain([first], cuts))
