"""Edits as they are written: `smile=0.6,blink=-20@1.2s..1.4s,lips*1.3,yaw=0@0s/10@1.5s`. Names are not judged here.

edits    edit, edit ...              ; and line ends do as well
edit     NAME=VALUES or NAME*VALUES  set to, or as many times as far from the portrait's own
VALUES   NUMBER                      all the time
         NUMBER@TIME..TIME           for a while; one of the times may be left out
         NUMBER@TIME/NUMBER@TIME ... from keyframe to keyframe
TIME     1.2s, 1.2, 200ms, 1:02.5
"""

import re
from typing import NamedTuple

from kdtalker_jax.edits.curves import Curve
from kdtalker_jax.errors import InputError

EXAMPLE = "smile=0.6,blink=-20@1.2s..1.4s,lips*1.3,yaw=0@0s/10@1.5s"
_EDIT = re.compile(r"([A-Za-z]\w*(?:-\w+)*)\s*([=*])(.*)", re.DOTALL | re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_TIME = re.compile(r"(?:(\d+):)?(\d+\.?\d*|\.\d+)(ms|s)?", re.ASCII)


class Term(NamedTuple):
    """One edit.

    Attributes:
        name: of a slider, an opening or a channel.
        factor: whether `curve` is how many times as far it goes; otherwise it is what it is set to.
        curve: over time.
    """

    name: str
    factor: bool
    curve: Curve


def parse(text: str) -> tuple[Term, ...]:
    """The edits in a text, none where it is empty.

    Raises:
        InputError: one that cannot be read.
    """
    return tuple(_term(part.strip()) for part in re.split(r"[,;\n]", text) if part.strip())


def _term(part: str) -> Term:
    found = _EDIT.fullmatch(part)
    if not found:
        raise _unreadable(part)
    name, operator, values = found.groups()
    try:
        curve = _curve(values.strip(), part)
    except InputError as error:
        raise InputError(f"The edit {part!r} cannot be: {error}") from None
    return Term(name.lower().replace("-", "_"), operator == "*", curve)


def _curve(values: str, part: str) -> Curve:
    pieces = [piece.split("@") for piece in values.split("/")]
    if any(len(piece) > 2 for piece in pieces):
        raise _unreadable(part)
    if len(pieces) > 1:
        if any(len(piece) == 1 for piece in pieces):
            raise InputError("each of several numbers needs its time, such as yaw=0@0s/10@1.5s.")
        return Curve(tuple((_seconds(time, part), _number(number, part)) for number, time in pieces))
    number, *span = pieces[0]
    if not span:
        return Curve(((0.0, _number(number, part)),))
    begin, dots, end = span[0].partition("..")
    if not dots or not (begin.strip() or end.strip()):
        raise InputError("a number for a while needs a span, such as smile=0.6@1.2s..1.4s.")
    times = (_seconds(time, part) if time.strip() else None for time in (begin, end))
    return Curve(((0.0, _number(number, part)),), *times)


def _number(text: str, part: str) -> float:
    if not _NUMBER.fullmatch(text.strip()):
        raise _unreadable(part)
    return float(text)


def _seconds(text: str, part: str) -> float:
    found = _TIME.fullmatch(text.strip())
    if not found:
        raise _unreadable(part)
    minutes, seconds, unit = found.groups()
    return 60 * int(minutes or 0) + float(seconds) / (1000 if unit == "ms" else 1)


def _unreadable(part: str) -> InputError:
    return InputError(f"The edit {part!r} cannot be read: write edits like {EXAMPLE}.")
