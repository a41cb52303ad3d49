"""Settings of a run: `section.name=value`, checks, and how two runs differ."""

import dataclasses
import types
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from kdtalker_jax.checks import did_you_mean
from kdtalker_jax.errors import InputError
from kdtalker_jax.seeds import check_seed

Config = TypeVar("Config")  # any frozen dataclass of settings


def with_settings(config: Config, assignments: Sequence[str]) -> Config:
    """The configuration with some settings replaced, each written `section.name=value`.

    Raises:
        InputError: there is no such setting (the nearest is named), the value is not of its kind, or the seed is none.
    """
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        name = name.strip()
        names = [name for name, _, _ in settings(config)]
        if not equals:
            raise InputError(f"The setting {assignment!r} has no value: write {name or 'NAME'}=VALUE.")
        if name not in names:
            raise InputError(f"There is no setting {name!r}{_nearest(name, names)}")
        config = _replaced(config, name.split("."), text.strip(), name)
    check_seed(config.seed)
    return config


def settings(config: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted name, type and value of everything in a configuration."""
    hints = get_type_hints(type(config))
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from settings(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", hints[field.name], value


def to_text(config: Config) -> str:
    """One line a setting, in the form that `with_settings` takes."""
    return "\n".join(f"{name}={_written(value)}" for name, _, value in settings(config))


def check_positive(config: Any, names: Sequence[str]) -> None:
    """Raises InputError where one of these whole numbers, or of those that every run has, is below 1."""
    values = {name: value for name, _, value in settings(config)}
    for name in (*names, "log_every", "validation.every", "checkpoints.every", "checkpoints.keep_last"):
        if values[name] < 1:
            raise InputError(f"{name} must be at least 1, not {values[name]}.")


def check_run(config: Any, devices: int, probabilities: Sequence[str] = (), positive: Sequence[str] = ()) -> None:
    """Raises InputError for values that no run can have on this number of devices.

    Args:
        config: with `steps`, `batch_size`, `accumulate`, `log_every`, `optimizer`, `ema`, `input`, `validation` and
            `checkpoints`.
        probabilities: names of settings from 0 to 1. positive: of further whole numbers from 1.
    """
    own = ("steps", "batch_size", "accumulate", "ema.every", "input.threads", "input.prefetch")
    check_positive(config, (*own, *positive))
    share = devices * config.accumulate
    if config.batch_size % share:
        raise InputError(
            f"batch_size={config.batch_size} cannot be split evenly over {devices} devices in {config.accumulate} "
            f"parts each: choose a multiple of {share}."
        )
    check_warmup(config)
    values = {name: value for name, _, value in settings(config)}
    for name in probabilities:
        if not 0 <= values[name] <= 1:
            raise InputError(f"{name} is a probability, from 0 to 1, not {values[name]}.")


def check_warmup(config: Any) -> None:
    """Raises InputError where the learning rate still rises when a run ends."""
    if config.optimizer.warmup_steps >= config.steps:
        raise InputError(
            f"optimizer.warmup_steps={config.optimizer.warmup_steps} must be fewer than steps={config.steps}."
        )


def differences(old: Any, new: Any) -> dict[str, str]:
    """Settings that are not the same, by name, in words."""
    before = {name: value for name, _, value in settings(old)}
    return {
        name: f"{name} is {_written(value)}, not {_written(before[name])}"
        for name, _, value in settings(new)
        if value != before[name]
    }


def check_sizes(path: str, name: str, found: Any, wanted: Any) -> None:
    """Raises InputError where the part of this name that stands at a path is not of the sizes that are wanted."""
    different = differences(found, wanted)
    if different:
        raise InputError(f"{path} has a {name} of other sizes: here {'; '.join(different.values())}.")


def _replaced(config: Any, path: list[str], text: str, name: str) -> Any:
    head, *rest = path
    if rest:
        value = _replaced(getattr(config, head), rest, text, name)
    else:
        value = _parsed(text, get_type_hints(type(config))[head], name)
    try:
        return dataclasses.replace(config, **{head: value})
    except ValueError as error:  # beyond what the section allows
        raise InputError(f"{name[: -len(head)]}{error}.") from None


def _parsed(text: str, kind: Any, name: str) -> Any:
    """A value of the given type from its text."""
    if get_origin(kind) in (Union, types.UnionType):  # the only unions are with None
        if text.lower() == "none":
            return None
        (kind,) = (option for option in get_args(kind) if option is not types.NoneType)
    if get_origin(kind) is Literal:
        if text in get_args(kind):
            return text
        raise InputError(f"{name} is one of {', '.join(get_args(kind))}, not {text!r}.")
    if kind is bool:
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise InputError(f"{name} is true or false, not {text!r}.")
    try:
        if get_origin(kind) is tuple:
            return tuple(get_args(kind)[0](part) for part in text.split(",")) if text else ()
        return kind(text)
    except ValueError:
        kinds = {int: "a whole number", float: "a number", tuple[int, ...]: "whole numbers with commas between"}
        raise InputError(f"{name} is {kinds[kind]}, not {text!r}.") from None


def _nearest(name: str, names: Sequence[str]) -> str:
    """The name that was probably meant; a bare last part counts as well as the whole."""
    candidates = {candidate.rpartition(".")[2]: candidate for candidate in names} | {n: n for n in names}
    matches = get_close_matches(name, candidates, n=1, cutoff=0.5) or get_close_matches(
        name.rpartition(".")[2], candidates, n=1, cutoff=0.5
    )
    return did_you_mean(candidates[matches[0]] if matches else None, names)


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
