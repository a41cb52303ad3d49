"""Where the numbers of a run go: a file of JSON lines, TensorBoard, a progress bar. The main process alone writes."""

import json
import time
from pathlib import Path

import numpy as np
from tensorboardX import SummaryWriter
from tqdm import tqdm

from kdtalker_jax.errors import OutputError

METRICS_FILE = "metrics.jsonl"


class Logs:
    """The logs of a run that goes on after `step` steps. What was logged after that step, by a run that died, goes."""

    def __init__(self, directory: Path, step: int, steps: int, *, progress: bool) -> None:
        """Raises OutputError where the folder cannot be written to."""
        path = directory / METRICS_FILE
        try:
            _cut_off(path, step)
            self._file = path.open("a", encoding="utf-8", buffering=1)  # a line at a time
            self._board = SummaryWriter(str(directory / "tensorboard"), purge_step=step + 1)
        except OSError as error:
            raise OutputError(f"{directory} cannot be written to ({error.strerror})") from error
        self._bar = tqdm(total=steps, initial=step, unit="step", disable=not progress, dynamic_ncols=True)

    def numbers(self, step: int, values: dict[str, float]) -> None:
        """Values after `step` steps. Raises OutputError where the disk is full."""
        try:
            self._file.write(json.dumps({"step": step, **values}) + "\n")
            for name, value in values.items():
                self._board.add_scalar(name, value, step)
        except OSError as error:
            raise OutputError(f"{METRICS_FILE} cannot be written ({error.strerror})") from error
        if "train/loss" in values:
            self._bar.set_postfix_str(f"loss {values['train/loss']:.4f}", refresh=False)

    def picture(self, step: int, name: str, image: np.ndarray) -> None:
        """uint8 RGB (H, W, 3)."""
        self._board.add_image(name, image, step, dataformats="HWC")

    def text(self, name: str, text: str) -> None:
        self._board.add_text(name, text)

    def advance(self) -> None:
        """One step more on the progress bar."""
        self._bar.update()

    def close(self) -> None:
        self._bar.close()
        self._board.close()
        self._file.close()


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

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self.restart()

    def restart(self) -> None:
        """Begins anew with the next step, which does not count: compilation or validation may be in it."""
        self._steps, self._waited, self._began = 0, 0.0, None

    def waited(self, seconds: float) -> None:
        """For the data of a step."""
        self._waited += seconds

    def done(self) -> None:
        """A step is."""
        if self._began is None:
            self._waited, self._began = 0.0, time.perf_counter()
        else:
            self._steps += 1

    def read(self) -> dict[str, float]:
        """Empty where no step was measured."""
        if not self._steps:
            return {}
        now = time.perf_counter()
        elapsed = now - self._began
        speed, waiting = self._steps * self._batch_size / elapsed, self._waited / elapsed
        self._steps, self._waited, self._began = 0, 0.0, now
        return {"samples_per_second": speed, "data_wait": waiting}


def _cut_off(path: Path, step: int) -> None:
    """Drops the lines after a step, and a last one that was not finished."""
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if not line.endswith("\n") or json.loads(line)["step"] > step:
            break
        kept.append(line)
    partial = path.with_suffix(".partial")
    partial.write_text("".join(kept), encoding="utf-8")
    partial.replace(path)
