"""Frozen dataclasses in JSON files, which anyone may have edited and any disk may have damaged."""

import dataclasses
import json
import math
import reprlib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

LARGEST_FILE = 1 << 24  # bytes; the largest of ours is a thousandth of it
LARGEST_INTEGER = 1 << 63

_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    dict: "an object",
    types.NoneType: "null",
}


_ADDED = "added"  # in a field's metadata


class UnknownSettingError(Exception):
    """A record has a field that this version does not know."""


def added(default: Any) -> Any:
    """A field of a dataclass that older files lack: they mean the default. All others have to be there."""
    return dataclasses.field(default=default, metadata={_ADDED: True})


def read_json(path: Path, largest: int = LARGEST_FILE) -> dict[str, Any]:
    """The object that a file of at most so many bytes holds: in UTF-8, -16 or -32, with or without a byte-order mark.

    Raises:
        OSError: it cannot be read.
        ValueError: it holds anything else, in a few words.
    """
    if path.stat().st_size > largest:
        raise ValueError(f"more than {largest >> 20} MB of text")
    try:
        content = json.loads(path.read_bytes(), parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(content, dict):
        raise ValueError(f"it is {reprlib.repr(content)}, not an object")
    return content


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}")


def from_json(kind: Any, value: Any, name: str = "it") -> Any:
    """The inverse of `dataclasses.asdict` and JSON: lists become tuples again.

    Args:
        kind: a dataclass, or what its fields may be: bool, int, float, str, None, Literal, tuple[X, ...], dict[str, X]
            and unions of these.
        value: from `read_json`.
        name: dotted, of the value.

    Raises:
        UnknownSettingError: a field is not one of the dataclass's.
        ValueError: a field is missing, or a value is of another kind or beyond what the dataclass allows; names it.
    """
    origin, options = get_origin(kind), get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _from_object(kind, value, name)
    if origin in (Union, types.UnionType):
        if value is None and types.NoneType in options:
            return None
        (kind,) = (option for option in options if option is not types.NoneType)
        return from_json(kind, value, name)
    if origin is Literal:
        return value if value in options else _wrong(name, value, f"one of {', '.join(options)}")
    if origin is tuple:
        if not isinstance(value, list):
            _wrong(name, value, "a list")
        return tuple(from_json(options[0], item, name) for item in value)
    if origin is dict:
        if not isinstance(value, dict):
            _wrong(name, value, "an object")
        return {key: from_json(options[1], item, f"{name}.{key}") for key, item in value.items()}
    if type(value) is not kind and not (kind is float and type(value) is int):
        _wrong(name, value, _KINDS[kind])
    if type(value) in (int, float) and not -LARGEST_INTEGER < value < LARGEST_INTEGER:
        _wrong(name, value, "a number of sensible size")
    return kind(value) if kind is float else value


def _from_object(kind: type, value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        _wrong(name, value, "an object")
    fields = dataclasses.fields(kind)
    types_of = {field.name: get_type_hints(kind)[field.name] for field in fields}
    unknown = sorted(value.keys() - types_of.keys())
    if unknown:
        raise UnknownSettingError(f"unknown setting {unknown[0]!r:.80}")
    inner = {field: f"{name}.{field}" if name != "it" else field for field in types_of}
    parts = {field: from_json(types_of[field], item, inner[field]) for field, item in value.items()}
    missing = [field.name for field in fields if field.name not in value and _ADDED not in field.metadata]
    if missing:
        raise ValueError(f"{inner[missing[0]]} is missing")
    try:
        return kind(**parts)
    except ValueError as error:
        raise ValueError(f"{name}: {error}" if name != "it" else str(error)) from error


def _wrong(name: str, value: Any, wanted: str) -> NoReturn:
    raise ValueError(f"{name} is {reprlib.repr(value)}, not {wanted}")


def without_nan(value: Any) -> Any:
    """For strict JSON: None in place of each number that is not finite."""
    if isinstance(value, Mapping):
        return {name: without_nan(item) for name, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
