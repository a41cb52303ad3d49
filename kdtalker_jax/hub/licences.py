"""Licences are asked about once, before anything is fetched, and the answer is remembered."""

import os
import sys
from collections.abc import Sequence

import click

from kdtalker_jax.errors import InputError
from kdtalker_jax.hub.cache import change_lock, read_lock
from kdtalker_jax.streams import printable

ENVIRONMENT = "KDTALKER_ACCEPT_LICENCE"
_YES = ("1", "on", "yes", "true")


def accept(name: str, licences: Sequence[str], summary: str, *, accepted: bool = False) -> None:
    """Says what will be fetched, and asks whether its licences are accepted, unless they have been before.

    Args:
        name: of the model. licences: of its files.
        summary: what is fetched from where, and how large it is, in some lines.
        accepted: the caller has accepted them.

    Raises:
        InputError: they are not accepted, or nobody is there to be asked.
    """
    click.echo(printable(summary), err=True)
    if set(licences) <= set(read_lock().licences.get(name, ())):
        return
    if not (accepted or os.environ.get(ENVIRONMENT, "").lower() in _YES or _ask(name)):
        raise InputError(f"{name} is not fetched: its licences were not accepted.")

    change_lock(lambda lock: lock.licences.update({name: tuple(licences)}))


def _ask(name: str) -> bool:
    if not (_is_terminal(sys.stdin) and _is_terminal(sys.stderr)):
        raise InputError(
            f"{name} is fetched once its licences are accepted, and nobody can be asked here: say "
            f"`accept_licence=True`, or set {ENVIRONMENT}=1."
        )
    try:
        click.echo("Do you accept these licences? [y/N] ", nl=False, err=True)
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _is_terminal(stream: object) -> bool:
    try:
        return bool(stream and stream.isatty())
    except ValueError:  # it is closed
        return False
