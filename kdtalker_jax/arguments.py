"""What callers of `TalkingPortrait` give by mistake, in sentences: before anything is computed."""

import os
from collections.abc import Callable
from dataclasses import fields
from inspect import signature
from typing import Any

from kdtalker_jax.animation import Animation
from kdtalker_jax.checks import nearest
from kdtalker_jax.errors import InputError
from kdtalker_jax.source import Source

PATH = (str, os.PathLike)


def asked_for(call: Callable[..., Any], animation: dict[str, Any]) -> Animation:
    """The further arguments of a call.

    Raises:
        TypeError: one that there is not, with the nearest that there is. InputError: as `Animation`.
    """
    names = [field.name for field in fields(Animation)]
    for name in animation:
        if name not in names:
            own = [parameter for parameter in signature(call).parameters if parameter not in ("self", "animation")]
            raise TypeError(f"{call.__name__} takes no argument {name!r}{nearest(name, own + names)}")
    return Animation(**animation)


def check_source(source: Any, call: str) -> None:
    """Raises InputError where something else stands for a prepared portrait."""
    if isinstance(source, Source):
        return
    what = f"{os.fspath(source)!r}" if isinstance(source, PATH) else f"a {type(source).__name__}"
    raise InputError(
        f"{call} takes a prepared portrait first, not {what}: make one with source = model.prepare(picture)."
    )


def check_motion(motion: Any, kind: type, call: str) -> None:
    """Raises InputError where something else stands for a motion of this kind."""
    if isinstance(motion, kind):
        return
    if isinstance(motion, PATH):
        raise InputError(f"{call} takes a motion, not {os.fspath(motion)!r}: read it with {kind.__name__}.load(path).")
    other = " as its second argument" if isinstance(motion, Source) else ""
    raise InputError(
        f"{call} takes a {kind.__name__}{other}, not a {type(motion).__name__}: animate(source, recording) makes one."
    )
