"""The rule table of a part."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from convert.rules import Table
from kdtalker_jax.errors import InputError
from kdtalker_jax.systems import OFFICIAL, System, resolve

if TYPE_CHECKING:
    from kdtalker_jax.parts import Part


def table_of(part: "Part") -> Table:
    """How a part's tensors are called in the published file. The table is where the part says it is.

    Raises:
        ValueError: the part is not published anywhere.
    """
    if part.rules is None:
        raise ValueError(f"{part.name} has no rule table: it is only trained here")
    return resolve(part.rules)


def published_parts(system: System, names: Iterable[str]) -> list["Part"]:
    """The parts of these names, for `convert.official` and what reads the same files.

    Raises:
        InputError: there is no such part, it is not published anywhere, or another command reads the system's files.
    """
    if system.converter != OFFICIAL:
        raise InputError(f"The files of {system.name} are read by 'python -m {system.converter}' alone.")
    known, parts = system.parts, []
    for name in names:
        if name not in known:
            raise InputError(f"There is no part {name!r} of {system.name}: there are {', '.join(known)}.")
        if known[name].rules is None:
            raise InputError(f"{name} is not published: it is only trained here.")
        parts.append(known[name])
    return parts
