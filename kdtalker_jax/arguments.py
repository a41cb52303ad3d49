"""What callers of `TalkingPortrait` give by mistake, in sentences: before anything is computed."""

import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import wraps
from inspect import signature
from typing import Any

from kdtalker_jax.animation import Animation
from kdtalker_jax.checks import nearest
from kdtalker_jax.errors import InputError
from kdtalker_jax.motion_models.protocol import MotionModel
from kdtalker_jax.source import Source

PATH = (str, os.PathLike)


def asked_for(call: Callable[..., Any], animation: Mapping[str, Any], model: MotionModel) -> Animation:
    """The further arguments of a call. Errors are those of `arguments_of` and `Animation`."""
    return Animation(**arguments_of(call, animation, model))


def arguments_of(call: Callable[..., Any], animation: Mapping[str, Any], model: MotionModel) -> dict[str, Any]:
    """The further arguments of a call as those of an `Animation`: what the model can be asked for becomes its controls.

    Raises:
        TypeError: one that there is not, with the nearest that there is.
        InputError: as the model's `Controls`; or these are given too.
    """
    names, of_model = ([field.name for field in fields(kind)] for kind in (Animation, model.Controls))
    for name in animation:
        if name not in names + of_model:
            own = [parameter for parameter in signature(call).parameters if parameter not in ("self", "animation")]
            raise TypeError(f"{call.__name__} takes no argument {name!r}{nearest(name, own + names + of_model)}")
    asked = {name: value for name, value in animation.items() if name in of_model}
    arguments = {"smooth": model.smooth} | {name: value for name, value in animation.items() if name not in asked}
    if asked and arguments.get("controls") is not None:
        raise InputError(f"`{next(iter(asked))}` is one of the `controls`: give it among these, or alone.")
    return arguments | ({"controls": model.Controls(**asked)} if asked else {})


def spelt(call: Callable[..., Any]) -> Callable[..., Any]:
    """A method that answers a misspelt keyword with the nearest that it has, by TypeError."""
    names = [name for name in signature(call).parameters if name not in ("self", "cls")]

    @wraps(call)
    def checked(*arguments: Any, **keywords: Any) -> Any:
        for name in keywords:
            if name not in names:
                raise TypeError(f"{call.__name__} takes no argument {name!r}{nearest(name, names)}")
        return call(*arguments, **keywords)

    return checked


def checked(animation: Mapping[str, Any]) -> Animation:
    """What options ask for, as far as it is no model's own. Raises InputError as `Animation`."""
    names = [field.name for field in fields(Animation)]
    return Animation(**{name: value for name, value in animation.items() if name in names})


def check_asked(animation: Mapping[str, Any], model: MotionModel) -> None:
    """Whether a model can be asked for all of that, before any work. Raises InputError."""
    names = [field.name for kind in (Animation, model.Controls) for field in fields(kind)]
    if unknown := [name for name in animation if name not in names]:
        raise InputError(f"This model cannot be asked for `{unknown[0]}`: name another, or leave it out.")
    Animation(**arguments_of(check_asked, animation, model)).of(model, None)


def check_unmade(animation: Mapping[str, Any]) -> None:
    """Where sound makes no motion: raises InputError for what would have changed it. How it is sampled may stay."""
    others = [field.name for field in fields(Animation) if field.name != "smooth"]
    if ignored := [name for name in animation if name not in others]:
        raise InputError(f"`{ignored[0]}` is about a motion that sound makes, and here none is made: leave it out.")


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
