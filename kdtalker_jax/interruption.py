"""Being asked to stop by a signal: from the keyboard, by a scheduler, or as a terminal is closed.

Python runs a handler between two bytecodes of the main thread: not during half a minute of compilation; and what a
handler raises may come out in a callback of foreign code, or unwinds a program whose devices are still at work, which
can crash it. So in command lines (`listening`) handlers do nothing, and a thread hears of the signals as they come.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from types import FrameType

from kdtalker_jax.unfinished import undo_all

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGXCPU", "SIGBREAK")  # not every system has all
SIGNALS = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
_MAY_BE_IGNORED = ("SIGINT", "SIGHUP")  # as the parent wants: a shell for jobs in the background, nohup
_TAKEN_OVER = (signal.SIGTERM, signal.SIGINT)  # in programs of others

_waking: socket.socket | None = None  # while a command line listens
_finishing: list["Interruption"] = []  # the innermost is the last


class Interruption:
    """Inside the `with` block, the first signal is remembered instead of ending the program; a second one ends it.

    For work whose results would be lost otherwise: look at `asked` where it can stop. In a program that is not one of
    our command lines SIGTERM and SIGINT are taken over for the block, if it is in the main thread.

    Args:
        last: what will still be finished, for the line that a command line prints.

    Attributes:
        number: of the signal that has come, or None.
    """

    def __init__(self, last: str = "this step") -> None:
        self.number: int | None = None
        self._last = last
        self._before: dict[signal.Signals, object] = {}

    @property
    def asked(self) -> bool:
        """Whether a signal has come."""
        return self.number is not None

    def __enter__(self) -> "Interruption":
        _finishing.append(self)
        if threading.current_thread() is threading.main_thread():
            if _waking is not None:
                _take_over()  # again: joining other processes, JAX takes SIGTERM for itself
            else:
                self._before = {number: signal.signal(number, self._remember) for number in _TAKEN_OVER}
        return self

    def __exit__(self, *exception: object) -> None:
        _finishing.remove(self)
        self._restore()

    def hear(self, number: int) -> None:
        """A signal has come, the first one."""
        self.number = number
        _say(f"Stopping after {self._last}; once more to stop at once.")

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def listening(last_words: str = "Stopped.") -> Iterator[None]:
    """For command lines: a signal ends the process at once with exit code 128 + its number, and nothing unfinished is
    left; inside the block of an `Interruption` the second signal does. Outside of the main thread, and in a command
    that another one calls, nothing is changed.

    Args:
        last_words: a line for stderr at such an end.
    """
    global _waking
    if _waking is not None or threading.current_thread() is not threading.main_thread():
        yield
        return
    hearing, _waking = socket.socketpair()
    _waking.setblocking(False)  # as Python wants it
    thread = threading.Thread(target=_listen, args=[hearing, last_words], daemon=True)
    thread.start()
    descriptor = signal.set_wakeup_fd(_waking.fileno(), warn_on_full_buffer=False)
    before = _take_over()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(descriptor)
        _waking.close()
        _waking = None
        thread.join()  # for ever, if it is about to end the process
        hearing.close()


def _listen(hearing: socket.socket, last_words: str) -> None:
    while received := hearing.recv(1):
        number = received[0]
        if number not in SIGNALS:  # somebody else's business
            continue
        if _finishing and not _finishing[-1].asked and number != getattr(signal, "SIGQUIT", None):
            _finishing[-1].hear(number)
        else:
            undo_all()
            _say(last_words)
            os._exit(128 + number)  # taking the interpreter down while devices are at work can crash


def _take_over() -> dict[signal.Signals, object]:
    """Handlers for a command line; returns those of before. What the parent wants to be ignored stays so."""
    ignored = [n for n in SIGNALS if n.name in _MAY_BE_IGNORED and signal.getsignal(n) is signal.SIG_IGN]
    return {number: signal.signal(number, _forward) for number in SIGNALS if number not in ignored}


def _forward(number: int, frame: FrameType | None) -> None:
    """What Python calls for a signal. `_listen` has heard of it before, unless an event loop of another library has
    taken its descriptor away for a while."""
    descriptor = signal.set_wakeup_fd(_waking.fileno(), warn_on_full_buffer=False)
    if descriptor != _waking.fileno():
        signal.set_wakeup_fd(descriptor)
        _waking.send(bytes([number]))


def _say(line: str) -> None:
    """On stderr if it can be written: waiting a moment for one that is full, and without a word on one that is gone."""

    def write() -> None:
        with contextlib.suppress(OSError, ValueError):
            start = "\n" if sys.stderr.isatty() else ""  # a bar may be in this line
            sys.stderr.write(f"{start}{line}\n")
            sys.stderr.flush()

    if sys.stderr is not None:
        writing = threading.Thread(target=write, daemon=True)
        writing.start()
        writing.join(timeout=1)


def _forget() -> None:
    """A child that was forked is another process: signals for it are not for the command line."""
    global _waking
    if _waking is not None:
        _waking = None
        _finishing.clear()
        signal.set_wakeup_fd(-1)
        for number in SIGNALS:
            if signal.getsignal(number) is _forward:
                signal.signal(number, signal.SIG_DFL)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
