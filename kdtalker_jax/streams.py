"""Standard streams that may not be there: services, `pythonw`, closed pipes and terminals."""

import contextlib
import errno
import io
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from kdtalker_jax.compiling import compiling_seconds

SECONDS_APART = 10.0  # between two lines about the same work, in a file or a pipe


def progress_bar(*arguments: Any, show: bool = True, **options: Any) -> tqdm:
    """A bar on stderr, if it is to be shown and there is one; a line now and then where that is no terminal.

    Time left and rate leave out what was spent on compiling. Arguments are those of `tqdm`.
    """
    if not show or _is_gone(sys.stderr):
        return tqdm(*arguments, disable=True, **options)
    if not sys.stderr.isatty():
        options |= {"file": _Lines(sys.stderr), "mininterval": SECONDS_APART, "delay": SECONDS_APART, "ncols": 100}
        options.pop("dynamic_ncols", None)
    return _Bar(*arguments, **options)


def say(line: str) -> None:
    """A line on stdout, above the bars."""
    tqdm.write(printable(line))


def printable(text: str) -> str:
    """Names of files and inside them may hold anything, also what moves a terminal's cursor or has no bytes there."""
    return "".join(character if character.isprintable() or character == "\n" else "?" for character in text)


class _Bar(tqdm):
    """Does not count the seconds of compiling."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._left_out = compiling_seconds()
        super().__init__(*arguments, **options)

    def __iter__(self) -> Iterator[Any]:
        try:
            for item in self.iterable:
                yield item
                self.update()  # tqdm's own loop counts again what an update has not shown
        finally:
            self.close()

    def update(self, n: float = 1) -> bool | None:
        compiled = compiling_seconds() - self._left_out
        if compiled and hasattr(self, "start_t"):
            self._left_out += compiled
            now = self._time()
            self.start_t = min(self.start_t + compiled, now)
            self.last_print_t = min(self.last_print_t + compiled, now)
        return super().update(n)


class _Lines:
    """A stream that a bar writes to: what would redraw a line of a terminal becomes one of its own."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._last = stream, ""

    def write(self, text: str) -> None:
        line = text.strip()
        # What, and how much of it: not the bar and how long it took, with which one that closes says it again.
        done = re.sub(r"\|.*\||\[.*\]", "", line)
        if line and done != self._last:
            self._stream.write(f"{line}\n")
        self._last = done or self._last

    def flush(self) -> None:
        self._stream.flush()


def mend_streams() -> None:
    """For command lines: whatever is written to a stream that is not there, or not any more, is dropped.

    So a run of days does not end because nobody reads what it says. Replaced are only the streams of the process, not
    those that a test or a notebook has put in their place.
    """
    for descriptor in range(3):
        _open_descriptor(descriptor)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if _is_gone(stream):
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - until the process ends
        elif stream is getattr(sys, f"__{name}__") and hasattr(stream, "buffer"):
            with contextlib.suppress(OSError):
                stream.flush()
            setattr(sys, name, _Stream(stream))


def _is_gone(stream: Any) -> bool:
    return stream is None or getattr(stream, "closed", False)


def _open_descriptor(descriptor: int) -> None:
    """A file that is opened later would get its number, and then what libraries in C print there."""
    try:
        os.fstat(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest that is free


class _Stream(io.TextIOWrapper):
    """A standard stream that goes nowhere once its reader or terminal is gone."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        super().__init__(
            stream.buffer,
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._drop(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._drop(error)

    def _drop(self, error: OSError) -> None:
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
