"""Numbers that users give, from Python or a command line."""

import math
import numbers
import operator
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
