"""While JAX compiles: people are told what they wait for, and clocks can leave it out."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

QUICK = 3.0  # seconds; of what takes less nothing is said
_EVENTS = ("jaxpr_trace_duration", "jaxpr_to_mlir_module_duration", "backend_compile_duration")  # of /jax/core/compile


class _Clock:
    """The seconds that JAX has spent on tracing, lowering and compiling: intervals, as one may lie within another."""

    def __init__(self) -> None:
        self._intervals: list[tuple[float, float]] = []
        self._lock = threading.Lock()
        self._seconds = 0.0
        self._listens = False
        self.busy = False  # as far as the last that was heard tells: a program is traced or lowered, and not compiled

    def read(self) -> float:
        self._listen()
        return self._seconds

    def _listen(self) -> None:
        """From the moment at which JAX is there: nothing was compiled before."""
        monitoring = sys.modules.get("jax.monitoring")
        if monitoring is not None and not self._listens:
            self._listens = True
            monitoring.register_event_duration_secs_listener(self._hear)

    def _hear(self, event: str, seconds: float, **_: object) -> None:
        if not event.startswith("/jax/core/compile/") or not event.endswith(_EVENTS):
            return
        self.busy = not event.endswith(_EVENTS[-1])
        end = time.perf_counter()
        start = end - seconds
        with self._lock:
            while self._intervals and self._intervals[-1][0] >= start:  # within this one
                first, last = self._intervals.pop()
                self._seconds -= last - first
            self._seconds += seconds
            self._intervals = [*self._intervals[-50:], (start, end)]


_clock = _Clock()


def compiling_seconds() -> float:
    """Seconds that this process has spent on compiling so far, as far as it was asked about them before."""
    return _clock.read()


@contextlib.contextmanager
def announced(what: str, usual: str, show: bool = True, *, jax: bool = True) -> Iterator[None]:
    """Around the first call of a program: says on stderr what is compiled, where it takes a while.

    Args:
        what: is compiled, such as "the frames' program".
        usual: how long that takes, such as "less than a minute".
        show: whether anybody wants to know.
        jax: whether it is JAX that compiles; of others nothing is heard, and what takes long is compiling.
    """
    if not show:
        yield
        return
    done = threading.Event()
    compiling_seconds()

    def watch() -> None:
        while not done.wait(QUICK):
            if _clock.busy or not jax:
                _say(f"Compiling {what}, which takes {usual} ...")
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _say(line: str) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        start = "\n" if sys.stderr.isatty() else ""  # a bar may be in this line
        sys.stderr.write(f"{start}{line}\n")
        sys.stderr.flush()
