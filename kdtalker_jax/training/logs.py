"""Where the numbers of a run go: a file of JSON lines, TensorBoard, a progress bar. The main process alone writes."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog

from kdtalker_jax.errors import OutputError
from kdtalker_jax.streams import progress_bar
from kdtalker_jax.unfinished import unfinished_file

METRICS_FILE = "metrics.jsonl"


class Logs:
    """The logs of a run that goes on after `step` steps. What was logged after that step, by a run that died, goes."""

    def __init__(self, directory: Path, step: int, steps: int, *, progress: bool) -> None:
        """Raises OutputError where the folder cannot be written to."""
        with _writing(directory):
            _cut_off(directory / METRICS_FILE, step)
            self._file = (directory / METRICS_FILE).open("a", encoding="utf-8", buffering=1)  # a line at a time
            board = directory / "tensorboard"
            board.mkdir(exist_ok=True)
            # Not tensorboardX's SummaryWriter: its thread dies of a full disk, and the program waits for it for ever.
            self._events = EventsWriter(str(board / "events"), f".{os.getpid()}.{step}")
            self._write(Event(step=step + 1, session_log=SessionLog(status=SessionLog.START)))
        self._directory = directory
        self._bar = progress_bar(total=steps, initial=step, unit="step", show=progress, dynamic_ncols=True)

    def numbers(self, step: int, values: dict[str, float]) -> None:
        """Values after `step` steps. Like all that writes, raises OutputError where the disk is full."""
        with _writing(self._directory):
            self._file.write(json.dumps({"step": step, **values}) + "\n")
            self._write(*(Event(step=step, summary=summary.scalar(name, value)) for name, value in values.items()))
        if "train/loss" in values:
            self._bar.set_postfix_str(f"loss {values['train/loss']:.4f}", refresh=False)

    def picture(self, step: int, name: str, image: np.ndarray) -> None:
        """uint8 RGB (H, W, 3)."""
        with _writing(self._directory):
            self._write(Event(step=step, summary=summary.image(name, image, dataformats="HWC")))

    def text(self, name: str, text: str) -> None:
        """Markdown."""
        with _writing(self._directory):
            self._write(Event(summary=summary.text(name, text)))

    def advance(self) -> None:
        """One step more on the progress bar."""
        self._bar.update()

    def close(self) -> None:
        self._bar.close()
        self._file.close()
        self._events.close()

    def _write(self, *events: Event) -> None:
        for event in events:
            event.wall_time = time.time()
            self._events.write_event(event)
        self._events.flush()


class NoLogs(Logs):
    """What processes other than the main one have."""

    def __init__(self) -> None:
        pass

    def numbers(self, step: int, values: dict[str, float]) -> None:
        pass

    def picture(self, step: int, name: str, image: np.ndarray) -> None:
        pass

    def text(self, name: str, text: str) -> None:
        pass

    def advance(self) -> None:
        pass

    def close(self) -> None:
        pass


class Meter:
    """Speed since it was last read: samples per second, and the share of the time spent on waiting for data."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begins anew with the next step, which does not count: compilation or validation may be in it."""
        self._samples, self._waited, self._began = 0, 0.0, None

    def waited(self, seconds: float) -> None:
        """For the data of a step."""
        self._waited += seconds

    def done(self, samples: int) -> None:
        """A step of so many samples is."""
        if self._began is None:
            self._waited, self._began = 0.0, time.perf_counter()
        else:
            self._samples += samples

    def read(self) -> dict[str, float]:
        """Empty where no step was measured."""
        if not self._samples:
            return {}
        now = time.perf_counter()
        elapsed = now - self._began
        speed, waiting = self._samples / elapsed, self._waited / elapsed
        self._samples, self._waited, self._began = 0, 0.0, now
        return {"samples_per_second": speed, "data_wait": waiting}


@contextmanager
def _writing(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{directory} cannot be written to ({error.strerror}).") from error


def _cut_off(path: Path, step: int) -> None:
    """Drops the lines after a step, and a last one that was not finished."""
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if not line.endswith("\n") or json.loads(line)["step"] > step:
            break
        kept.append(line)
    with unfinished_file(path) as partial:
        partial.write_text("".join(kept), encoding="utf-8")
