"""Drawing all clips of a world: few by threads of this process, many by processes, one for each core.

One process does not make use of many cores: XLA hands the little that is to be done for a tile to idle threads, which
takes longer than doing it, and those of Python wait for each other. A process whose XLA has one thread knows neither.

Such a process, a worker, reads numbers of performances on stdin. It makes those of their clips that are not in the
folder yet, and answers with the number, or with what is wrong. It ends when stdin does, so however its parent ends.
"""

import contextlib
import dataclasses
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Self

import jax

from kdtalker_jax import errors
from kdtalker_jax.errors import KDTalkerError
from kdtalker_jax.synthetic.clips import ClipPlan, WorldOptions, plan_world
from kdtalker_jax.synthetic.finished import finish_clips, is_finished, read_finished
from kdtalker_jax.unfinished import undone

FEW = 64  # clips: fewer are made before workers would have started and compiled


@contextlib.contextmanager
def drawing(
    plans: Sequence[ClipPlan], options: WorldOptions, folder: Path
) -> Iterator[Callable[[ClipPlan], dict[str, Any]]]:
    """While the block runs the clips are made in their order, all of one performance in one place.

    Yields what gives a clip once it is made. It raises what has gone wrong in making it: KDTalkerError, OSError.
    """
    performances = _by_performance(plans)
    count = min(_cores(), len(performances))
    many = sum(not is_finished(plan, folder) for plan in plans) >= FEW
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(Worker(options, folder)) for _ in range(count if many and _is_python() else 0)]
        draw = partial(_ask, _queue(workers)) if workers else partial(finish_clips, options=options, folder=folder)
        threads = stack.enter_context(ThreadPoolExecutor(count))
        for worker in workers:  # before threads that wait for them are waited for
            stack.callback(worker.process.kill)
        stack.callback(threads.shutdown, wait=False, cancel_futures=True)
        made = {number: threads.submit(draw, twins) for number, twins in performances.items()}

        def clip_of(plan: ClipPlan) -> dict[str, Any]:
            made[plan.performance].result()
            return read_finished(plan, folder)

        yield clip_of


class Worker:
    """A process that draws, killed at the end of its `with` block. Ctrl-C in a terminal is for its parent alone."""

    def __init__(self, options: WorldOptions, folder: Path) -> None:
        told = json.dumps(dataclasses.asdict(options), default=str)
        # -P: modules are found where this process finds them, not in whatever folder it was started.
        command = [sys.executable, "-P", "-m", __name__, told, os.fspath(folder)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe could fill up and block; closed in __exit__
        self.process = subprocess.Popen(command, **pipes, stderr=self._said, env=_environment(), process_group=0)
        self._undone = contextlib.ExitStack()
        self._undone.enter_context(undone(self.process.kill))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        with self.process, self._said, self._undone:
            self.process.kill()

    def draw(self, performance: int) -> None:
        """Waits until the clips of a performance are made.

        Raises:
            KDTalkerError, OSError: as `finish_clips`, or the process was ended.
            RuntimeError: it has failed, with its traceback.
        """
        answer = ""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(f"{performance}\n".encode())
            answer = self.process.stdout.readline().decode().rstrip("\n")
        if not answer:
            raise self._failure()
        if answer != str(performance):
            kind, _, sentence = answer.partition(": ")
            raise getattr(errors, kind, OSError)(sentence)

    def _failure(self) -> Exception:
        status = self.process.wait()
        if status < 0:
            return KDTalkerError(
                f"A process that draws was ended by the system or by somebody ({signal.strsignal(-status)}): is there "
                "memory enough? What is drawn is kept, and the same once more goes on there."
            )
        self._said.seek(0)
        return RuntimeError(f"A process that draws has failed.\n{self._said.read().decode(errors='replace')}")


def _cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _is_python() -> bool:
    """Whether there is a program that runs modules; none where Python is a part of another program."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


def _by_performance(plans: Sequence[ClipPlan]) -> dict[int, list[ClipPlan]]:
    return {number: list(twins) for number, twins in groupby(plans, key=lambda plan: plan.performance)}


def _queue(workers: Sequence[Worker]) -> "queue.SimpleQueue[Worker]":
    idle = queue.SimpleQueue()
    for worker in workers:
        idle.put(worker)
    return idle


def _ask(idle: "queue.SimpleQueue[Worker]", twins: Sequence[ClipPlan]) -> None:
    worker = idle.get()
    try:
        worker.draw(twins[0].performance)
    finally:
        idle.put(worker)  # also one that has failed: it will at once fail again, so that all ends soon


def _environment() -> dict[str, str]:
    """Of a worker. XLA reads how many threads it may have when JAX starts."""
    paths = os.pathsep.join(str(path or Path.cwd()) for path in sys.path)
    settings = {"PJRT_NPROC": "1", "JAX_PLATFORMS": "cpu", "JAX_PLATFORM_NAME": "cpu", "PYTHONPATH": paths}
    if kept := jax.config.jax_compilation_cache_dir:
        settings["JAX_COMPILATION_CACHE_DIR"] = str(kept)
    return os.environ | settings


def _kind(error: Exception) -> str:
    """The name of the closest kind that `errors` has."""
    return next((kind.__name__ for kind in type(error).__mro__ if hasattr(errors, kind.__name__)), "OSError")


def main(told: str, folder: str) -> None:
    """A worker."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever libraries print is no answer
    fields = json.loads(told)
    options = WorldOptions(**fields | {"recordings": fields["recordings"] and Path(fields["recordings"])})
    performances = _by_performance(plan_world(options))
    for number in sys.stdin:
        answer = number.strip()
        try:
            finish_clips(performances[int(number)], options, Path(folder))
        except (KDTalkerError, OSError) as error:
            answer = " ".join(f"{_kind(error)}: {error}".splitlines())
        answers.write(f"{answer}\n".encode(errors="replace"))


if __name__ == "__main__":
    main(*sys.argv[1:])
