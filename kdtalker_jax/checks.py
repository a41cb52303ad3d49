"""Numbers and names that users give, from Python or a command line."""

import math
import numbers
import operator
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import numpy as np


def is_whole(value: Any, lowest: int, highest: int) -> bool:
    """Whether it is an integer of Python or numpy from `lowest` to `highest`; True and False are none."""
    if isinstance(value, (bool, np.bool_)):
        return False
    try:
        return lowest <= operator.index(value) <= highest
    except TypeError:
        return False


def is_number(value: Any, lowest: float, highest: float) -> bool:
    """Whether it is a real number from `lowest` to `highest`; True, False and NaN are none."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (numbers.Real, np.number)):
        return False
    return not isinstance(value, np.complexfloating) and lowest <= value <= highest and math.isfinite(value)


def nearest(name: str, names: Iterable[str]) -> str:
    """The end of a sentence about a name that there is not: the one that was probably meant, or all of them."""
    names = list(names)
    matches = get_close_matches(name, names, n=1)
    return did_you_mean(matches[0] if matches else None, names)


def did_you_mean(match: str | None, names: Iterable[str]) -> str:
    """`nearest` for a name that was found otherwise."""
    return f": did you mean {match!r}?" if match else f": there are {', '.join(names)}."
