"""Emotions by name: which there are, what of them can be asked for, and how they change over a video."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from kdtalker_jax.checks import is_number, nearest
from kdtalker_jax.errors import InputError

# Those of MEAD (Wang et al. 2020), in the order of data sets' labels, which are -1 where nobody knows.
EMOTIONS = ("neutral", "angry", "contempt", "disgusted", "fear", "happy", "sad", "surprised")
ROWS = ("none", *EMOTIONS)  # what a network can be told; a label's row is the label + 1
FADE = 0.5  # seconds in which one emotion gives way to the next
LONGEST = 1e6  # seconds

_TIMED = re.compile(r"(?P<seconds>[\d.]+)\s+(?P<blend>.*[^\d.\s])(?:\s+(?P<strength>[\d.]+))?")
_SHARE = re.compile(r"(?:(?P<share>[\d.]+)\s*)?(?P<name>[^\d.\s].*)")
_EXAMPLE = 'write "0 neutral, 2.5 angry, 4 0.7 happy + 0.3 surprised"'


@dataclass(frozen=True)
class Feeling:
    """What is felt from a time on.

    Attributes:
        seconds: that time.
        weights: of `ROWS`, which add up to 1.
        strength: 0 to 1.
    """

    seconds: float
    weights: tuple[float, ...]
    strength: float = 1.0


def weights_of(blend: str | Mapping[str, float]) -> tuple[float, ...]:
    """The weights of `ROWS`, which add up to 1.

    Args:
        blend: "happy", "happy + surprised", "0.7 happy + 0.3 surprised", or a mapping of names to shares.

    Raises:
        InputError: an emotion that there is not, with the nearest that there is, or shares that are none.
    """
    if isinstance(blend, str):
        parts = _parts(blend)
        if not all(parts):
            raise InputError(f"{blend!r} is no emotion: there are {', '.join(ROWS)}, and blends such as happy + sad.")
        shares = [(part["name"].strip().lower(), _number(part["share"] or "1")) for part in parts]
    elif isinstance(blend, Mapping) and all(isinstance(name, str) for name in blend):
        shares = [(name.strip().lower(), share) for name, share in blend.items()]
    else:
        raise InputError(f"An emotion is a name or a mapping of names to shares, not {blend!r}.")
    weights = np.zeros(len(ROWS))
    for name, share in shares:
        if name not in ROWS:
            near = nearest(name, ROWS)
            listed = "" if "there are" in near else f" There are {', '.join(ROWS)}."
            raise InputError(f"There is no emotion {name!r}{near}{listed}")
        if not is_number(share, 0, LONGEST):
            raise InputError(f"The share of {name} in an emotion must be a number from 0 on, not {share!r}.")
        weights[ROWS.index(name)] += share
    if not weights.sum() > 0:
        raise InputError(f"The shares of the emotion {blend!r} add up to nothing.")
    return tuple(float(weight) for weight in weights / weights.sum())


def feelings_of(emotions: str | Sequence[Any]) -> tuple[Feeling, ...]:
    """What is felt when, the earliest first.

    Args:
        emotions: "0 neutral, 2.5 angry, 4 happy 0.5": seconds, an emotion or blend, and perhaps its strength; or a
            sequence of (seconds, emotion) or (seconds, emotion, strength).

    Raises:
        InputError: what cannot be read, times that do not grow, or as `weights_of`.
    """
    rows = [_timed(text) for text in emotions.split(",")] if isinstance(emotions, str) else emotions
    if isinstance(rows, Mapping) or not isinstance(rows, Sequence) or not rows:
        raise InputError(f"Emotions over time are a text or rows of seconds and emotion, not {emotions!r}: {_EXAMPLE}.")
    feelings = []
    for row in rows:
        if isinstance(row, str) or not isinstance(row, Sequence) or len(row) not in (2, 3):
            raise InputError(f"{row!r} is no emotion at a time: {_EXAMPLE}.")
        seconds, blend, strength = (*row, 1.0)[:3]
        if not is_number(seconds, 0, LONGEST):
            raise InputError(f"The time of an emotion must be in seconds from 0 on, not {seconds!r}.")
        feelings.append(Feeling(float(seconds), weights_of(blend), checked_strength(strength)))
    if any(after.seconds <= before.seconds for before, after in pairwise(feelings)):
        raise InputError("The times of emotions must grow from one to the next.")
    return tuple(feelings)


def checked_strength(strength: Any) -> float:
    """Raises InputError where it is no number from 0 to 1."""
    if not is_number(strength, 0, 1):
        raise InputError(f"The strength of an emotion must be a number from 0 to 1, not {strength!r}.")
    return float(strength)


def felt_at(feelings: Sequence[Feeling], seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (T, rows) and strengths (T,) at times (T,), float32: one fades into the next within `FADE` seconds.

    Before the first there is none.
    """
    if feelings[0].seconds > 0:
        feelings = [Feeling(0.0, weights_of("none"), 0.0), *feelings]
    ends = [*(feeling.seconds for feeling in feelings[1:]), math.inf]
    felt = np.zeros((len(seconds), len(ROWS) + 1))
    for number, (feeling, end) in enumerate(zip(feelings, ends, strict=True)):
        fade = min(FADE, end - feeling.seconds)
        share = np.clip((seconds - feeling.seconds) / fade, 0, 1) if number else np.ones(len(seconds))
        felt += share[:, None] * (np.array([*feeling.weights, feeling.strength]) - felt)
    return felt[:, :-1].astype(np.float32), felt[:, -1].astype(np.float32)


def _timed(text: str) -> tuple[Any, ...]:
    found = _TIMED.fullmatch(text.strip())
    if not found:
        raise InputError(f"{text.strip()!r} is no emotion at a time: {_EXAMPLE}.")
    first, *others = (part and part["share"] for part in _parts(found["blend"]))
    if any(others) and not first:
        raise InputError(f"{text.strip()!r} says shares and no time before the first of them: {_EXAMPLE}.")
    row = (_number(found["seconds"]), found["blend"])
    return row if found["strength"] is None else (*row, _number(found["strength"]))


def _parts(blend: str) -> list[re.Match[str] | None]:
    """What its emotions are and their shares, as they are written; None for what is none."""
    return [_SHARE.fullmatch(part.strip()) for part in blend.split("+")]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{text!r} is no number: {_EXAMPLE}.") from None
