"""What all command lines share: one-line errors with exit code 2, `--debug`, `--json`, and the spellings of options."""

import contextlib
import json
import math
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import click

from kdtalker_jax import demo
from kdtalker_jax.errors import KDTalkerError
from kdtalker_jax.interruption import listening
from kdtalker_jax.records import without_nan
from kdtalker_jax.seeds import LARGEST_SEED
from kdtalker_jax.streams import mend_streams, printable

_DEBUG, _JSON, _RESULT = "kdtalker_jax.debug", "kdtalker_jax.json", "kdtalker_jax.result"
_ARGUMENT = re.compile(r"""`(\w+)(?:=("?)([^`"]*)\2)?`""")  # as the library's sentences name it: `crop="none"`
_LONG_OPTION = re.compile(r"--?[^\W\d]\w[\w-]*", re.ASCII)


cache_option = click.option(
    "--no_cache",
    is_flag=True,
    envvar="KDTALKER_NO_CACHE",
    help="Compile anew instead of keeping compiled programs in the user's cache folder (or set KDTALKER_NO_CACHE=1).",
)


class Number(click.FloatRange):
    """A float in a range. For click NaN lies in all of them."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


MODEL_HELP = f"Model: {', '.join(demo.MODELS)}, published, hf:owner/name, or the directory of a converted one."
licence_option = click.option(
    "--accept_licence",
    is_flag=True,
    envvar="KDTALKER_ACCEPT_LICENCE",
    help="Accept the licences of a model that is fetched by its name (or set KDTALKER_ACCEPT_LICENCE=1).",
)


def seed_option(text: str) -> Callable:
    """`--seed`, a whole number of 64 bits; `text` says what another one gives."""
    return click.option("--seed", default=0, show_default=True, type=click.IntRange(0, LARGEST_SEED), help=text)


class Failure(click.ClickException):
    """Ends a command with one line on stderr."""

    exit_code = 2


def result(sentence: str, **values: Any) -> None:
    """What a command has come to: a sentence on stdout, or with `--json` the values, in one line at its end."""
    click.get_current_context().meta[_RESULT] = values
    click.echo(printable(sentence), err=wants_json())


def wants_json() -> bool:
    """Whether the command that runs has to leave stdout to `result`."""
    return bool(click.get_current_context().meta.get(_JSON))


class Command(click.Command):
    """A click command whose failures are one line and exit code 2, with a traceback only under `--debug`.

    Signals end it as `interruption.listening` says, and standard streams may be missing.

    Long options may also be written with one dash and with underscores or dashes, as in the published command lines:
    `-source_image X`, `-source_image=X`, `--source-image X` are the same. Errors and warnings of the library name
    arguments of functions; here they name options: see `in_options`. Use as `@click.command(cls=Command)`.

    With `--json` all that is said goes to stderr, and stdout gets one line: an object with `command`, `ok` and either
    what the command has given `result`, or `error`.

    Args:
        distributed: it calls `parallel.initialise` itself, before which no device may be touched.
        resumes: the same command goes on where an interrupted one was.
    """

    def __init__(self, *args, distributed: bool = False, resumes: bool = False, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._distributed = distributed
        self._last_words = "Stopped: run the same command to go on." if resumes else "Stopped."
        # Benchmarks have an option of that name, for a file.
        self._tells_json = "--json" not in {name for option in self._options() for name in option.opts}
        if self._tells_json:
            self.params.append(
                _common_flag("--json", _JSON, "Print a line of JSON with the result on stdout, all else on stderr.")
            )
        self.params.append(_common_flag("--debug", _DEBUG, "On failure show where in the program it happened."))

    def main(self, *args: Any, **kwargs: Any) -> Any:
        mend_streams()
        return super().main(*args, **kwargs)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, list(self._normalised(args)))
        except click.UsageError as error:
            sentence = f"{error.format_message().rstrip('.')} ('{ctx.command_path} --help' explains the options)"
            raise refused(ctx.info_name, args if self._tells_json else (), sentence) from error

    def invoke(self, ctx: click.Context) -> object:
        warnings.formatwarning = lambda message, *_, **__: f"Warning: {printable(self.in_options(str(message)))}\n"
        # XLA tells of programs that take minutes to compile as of a fault in it, with what its makers want to know.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        with listening(self._last_words), _reported(ctx):
            try:
                if not self._distributed:
                    _check_platform()
                return super().invoke(ctx)
            except (KDTalkerError, OSError) as error:
                if ctx.meta.get(_DEBUG):
                    raise
                raise Failure(printable(self.in_options(str(error)))) from error

    def in_options(self, sentence: str) -> str:
        """A sentence of the library, with this command's options for the arguments that are named in backticks.

        `crop="none"` becomes --crop none where there is an option whose Python name is `crop`.
        """
        options = {option.name: max(option.opts, key=len) for option in self._options()}
        if "already_cut" in options and "crop" not in options:  # which cuts by the same square, or not at all
            sentence = sentence.replace('`crop="none"`', options["already_cut"])

        def spelt(argument: re.Match) -> str:
            name, _, value = argument.groups()
            if name not in options:
                return argument[0]
            return options[name] if value in (None, "True") else f"{options[name]} {value}"

        return _ARGUMENT.sub(spelt, sentence)

    def _normalised(self, args: Sequence[str]) -> Iterator[str]:
        """Options in click's own spelling; values, even those that look like options, as they are."""
        options = {_bare(name): option for option in self._options() for name in option.opts + option.secondary_opts}
        rest = iter(args)
        for argument in rest:
            name, equals, value = argument.partition("=")
            is_long = _LONG_OPTION.fullmatch(name)
            option = options.get(_bare(name)) if is_long else None
            if option is None:
                # No command here has short options: what looks like a bundle of them is a long one, misspelt.
                yield f"--{argument.lstrip('-')}" if is_long else argument
                if argument == "--":
                    break
                continue
            spelling = next(s for s in option.opts + option.secondary_opts if _bare(s) == _bare(name))
            yield f"{spelling}{equals}{value}"
            if not (equals or option.is_flag or option.count):
                yield from islice(rest, option.nargs)
        yield from rest

    def _options(self) -> list[click.Option]:
        return [param for param in self.params if isinstance(param, click.Option)]


class Group(click.Group):
    """Commands under one name, each a `Command`."""

    command_class = Command

    def main(self, *args: Any, **kwargs: Any) -> Any:
        mend_streams()
        return super().main(*args, **kwargs)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            names = ", ".join(self.list_commands(ctx))
            sentence = f"{error.format_message().rstrip('.')}: there are {names}."
            raise refused(ctx.info_name, args, sentence) from error


def refused(command: str | None, args: Sequence[str], sentence: str) -> Failure:
    """The failure of a command that cannot begin; where these arguments ask for `--json` its line is printed."""
    if any(argument.startswith("-") and _bare(argument) == "json" for argument in args):
        _print_json(command, {}, sentence)
    return Failure(sentence)


def _common_flag(name: str, key: str, text: str) -> click.Option:
    return click.Option(
        [name],
        is_flag=True,
        expose_value=False,
        callback=lambda context, _, value: context.meta.update({key: value}),
        help=text,
    )


@contextlib.contextmanager
def _reported(ctx: click.Context) -> Iterator[None]:
    """Under `--json`: the line, at the end."""
    if not ctx.meta.get(_JSON):
        yield
        return
    stdout, error = sys.stdout, None
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except Failure as failure:
        error = failure.message
        raise
    except SystemExit as end:
        error = f"ended with status {end.code}" if end.code else None
        raise
    except BaseException as fault:
        error = f"{type(fault).__name__}: {fault}"
        raise
    finally:
        with contextlib.redirect_stdout(stdout):
            _print_json(ctx.info_name, ctx.meta.get(_RESULT, {}), error)


def _print_json(command: str | None, values: dict[str, Any], error: str | None) -> None:
    failed = {} if error is None else {"error": error}
    content = {"command": command, "ok": error is None, **values, **failed}
    click.echo(json.dumps(without_nan(content), default=str))


def _check_platform() -> None:
    """JAX takes a second to load, so it is asked only where the environment can be wrong."""
    if any(map(os.environ.get, ("JAX_PLATFORMS", "JAX_PLATFORM_NAME"))):
        from kdtalker_jax.parallel import check_platform

        check_platform()


def _bare(option: str) -> str:
    return option.lstrip("-").replace("_", "-")
