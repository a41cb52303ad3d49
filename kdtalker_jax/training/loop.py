"""The loop of every training: start or resume, step, validate, save, stop when asked. What is trained is a `Task`."""

import dataclasses
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from configs.training import FREE_TO_CHANGE
from kdtalker_jax import parallel
from kdtalker_jax.checkpoints import RunCheckpoints, RunRecord, has_checkpoint, is_run, read_record, write_record
from kdtalker_jax.checkpoints.runs import RECORD_FILE
from kdtalker_jax.compiling import announced
from kdtalker_jax.errors import InputError, OutputError
from kdtalker_jax.interruption import Interruption
from kdtalker_jax.seeds import check_seed
from kdtalker_jax.training.logs import Logs, Meter, NoLogs
from kdtalker_jax.training.settings import differences, to_text
from kdtalker_jax.unfinished import PREFIX

MOST_ON_CORES = 32  # samples at once; of more somebody who tries a training on a laptop is told

Report = Callable[[str], None]
Tree = Any


class TaskBatch(Protocol):
    """One process's share of a batch."""

    @property
    def sources(self) -> list[str]:
        """Where each of its samples comes from."""


class TaskBatches(Iterator[TaskBatch], Protocol):
    """All batches of a run in their order. `state` is what JSON can hold of where the next one is."""

    state: dict[str, Any]


class Task(Protocol):
    """What the loop does not know: what is trained, on what, and how it is judged.

    Attributes:
        config: with `steps`, `log_every`, `devices`, `validation.every` and `checkpoints`, all of which `to_text` can
            write.
        batches: of this process.
    """

    config: Any
    batches: TaskBatches

    def initial_state(self) -> Tree:
        """The state before the first step; it has a `step`."""

    def trees(self, state: Tree) -> dict[str, Tree]:
        """A state as the items of a checkpoint, without its step."""

    def from_trees(self, step: int, trees: dict[str, Tree]) -> Tree:
        """The inverse."""

    def step(self, state: Tree, batch: TaskBatch) -> tuple[Tree, dict[str, jax.Array], jax.Array]:
        """One step of all devices on a placed state: see `parallel.map_step`."""

    def validate(self, state: Tree, step: int, logs: Logs) -> float | None:
        """Judges a state and logs the result; returns the loss that the best checkpoint is chosen by, if finite."""


class Outcome(NamedTuple):
    """How training ended: after how many steps, and whether these are all."""

    step: int
    finished: bool


class Dispatched(NamedTuple):
    """A step that the devices may still be working on."""

    number: int
    metrics: dict[str, jax.Array]
    losses: jax.Array  # of this process's samples
    sources: list[str]
    stop: Callable[[], bool]


def run_task(make_task: Callable[[], Task], workdir: Path, report: Report, progress: bool) -> Outcome:
    """Makes a task and trains it to its end, or until someone asks to stop: a signal is heard from the beginning.

    Raises:
        InputError: a loss that is not finite. CheckpointError, OutputError: what cannot be read or written.
    """
    with Interruption() as interruption:
        task = make_task()
        with announced("what makes the first parameters", "from some seconds to a minute", progress):
            loop = Loop(task, workdir, report, progress)
        try:
            with announced("the training step", "from ten seconds to some minutes", progress):
                outcome = loop.run(interruption)
        finally:
            loop.close()
    if outcome.finished:
        report(f"Finished after {outcome.step} steps.")
    else:
        report(f"Stopped after {outcome.step} of {task.config.steps} steps: run the same command to go on.")
    return outcome


def announce(config: Any, report: Report) -> None:
    """What a task tells once it is clear that it can begin: its settings, and on what it trains."""
    report(f"Settings:\n{to_text(config)}\nTraining on {parallel.describe()}.")
    at_once = getattr(config, "batch_size", 0) // getattr(config, "accumulate", 1)
    if at_once > MOST_ON_CORES and parallel.on_processor():
        report(
            f"{at_once} samples at once take long on processor cores, and much memory: the recipe small is a dry run."
        )


class Loop:
    """One run on these devices. Use `run_task`."""

    def __init__(self, task: Task, workdir: Path, report: Report, progress: bool) -> None:
        config = task.config
        self._task, self._config, self._report = task, config, report
        self._workdir, self._checkpoints = workdir, RunCheckpoints(workdir, config.checkpoints)
        with parallel.where_states_are_made(config.devices.mapping):
            state = task.initial_state()
        self._checkpoints.check_room(task.trees(state))
        if self._checkpoints.latest is not None:
            state = self._restore(state)
        self._step = int(state.step)
        self._state = parallel.place(state, config.devices.mapping)
        if parallel.is_main():
            self._logs = Logs(workdir, self._step, config.steps, progress=progress)
            self._logs.text("settings", to_text(config).replace("\n", "  \n"))
        else:
            self._logs = NoLogs()
        self._meter = Meter()

    def run(self, interruption: Interruption) -> Outcome:
        """Steps until all are made or someone asks to stop. What is learnt is on disk only after `close`."""
        config, before, stop = self._config, None, False
        while self._step < config.steps and not stop:
            # The devices are one step ahead of what is looked at here: they never wait.
            now = self._dispatch(interruption)
            stop = before is not None and self._settle(before)
            before = now
            last = stop or self._step == config.steps
            validating, saving = (
                self._step % each.every == 0 or last for each in (config.validation, config.checkpoints)
            )
            if validating or saving:
                stop, before = self._settle(now) or stop, None
                # Whoever asks to stop does not wait for a validation, but for the last: no resumed run would make it.
                judging = validating and (not stop or self._step == config.steps)
                loss = self._task.validate(self._state, self._step, self._logs) if judging else None
                if saving or stop:
                    self._save(loss)
                self._meter.restart()
        return Outcome(self._step, self._step == config.steps)

    def close(self) -> None:
        """Waits until the last checkpoint is complete."""
        self._logs.close()
        self._checkpoints.close()

    def _dispatch(self, interruption: Interruption) -> Dispatched:
        """Gives the devices their next step."""
        began = time.perf_counter()
        batch = next(self._task.batches)
        self._meter.waited(time.perf_counter() - began)
        self._state, metrics, losses = self._task.step(self._state, batch)
        self._step += 1
        return Dispatched(self._step, metrics, losses, batch.sources, parallel.anywhere(interruption.asked))

    def _settle(self, step: Dispatched) -> bool:
        """Waits for a step, checks and logs it. Returns whether someone asks to stop."""
        metrics = {name: float(value) for name, value in jax.device_get(step.metrics).items()}  # at once
        if not metrics.pop("finite"):
            raise InputError(self._not_finite(step, metrics))
        self._meter.done(len(step.sources) * parallel.process_count())
        if step.number % self._config.log_every == 0 or step.number == self._config.steps:
            values = {**metrics, **self._meter.read()}
            self._logs.numbers(step.number, {f"train/{name}": value for name, value in values.items()})
        self._logs.advance()
        return step.stop()

    def _not_finite(self, step: Dispatched, metrics: dict[str, float]) -> str:
        bad = np.flatnonzero(~np.isfinite(np.ravel(step.losses)))
        named = ", ".join(step.sources[i] for i in bad[:5]) or "no clip of this process in particular"
        more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        return (
            f"Step {step.number} has loss {metrics['loss']} and gradient norm {metrics['grad_norm']}, from "
            f"{named}{more}. {self._way_out()}"
        )

    def _way_out(self) -> str:
        """Going on comes to the same step again, and with other settings or clips this is another run."""
        saved, run = self._checkpoints.latest, self._workdir
        first = f" With {run} as init, where a training takes a run, it begins with what was learnt until step {saved}."
        return (
            "The step was not made, and the same command would come to it again: train in a new workdir with a lower "
            f"learning rate, or without these clips.{first if saved else ''}"
        )

    def _save(self, loss: float | None) -> None:
        trees = self._task.trees(parallel.to_host(self._state))
        self._checkpoints.save(self._step, trees, {"input": self._task.batches.state}, loss)

    def _restore(self, template: Tree) -> Tree:
        trees, progress = self._checkpoints.restore(self._task.trees(template))
        self._task.batches.state = progress["input"]
        self._report(f"Going on after step {progress['step']}.")
        return self._task.from_trees(progress["step"], trees)


def is_validated(data: Path, split: str, usable: bool, wanted: int) -> bool:
    """Whether a run can be validated. Warns where it should be, as `wanted` samples say, and has nothing for it.

    Args:
        usable: whether the split has a clip that is long enough.
    """
    if wanted and not usable and parallel.is_main():
        warnings.warn(
            f"{data} has no clip in its {split} split that is long enough: nothing is validated, and no checkpoint is "
            "the best. Extract more videos, or a larger part of them for validation "
            "(python -m pipelines.extract --split).",
            stacklevel=2,
        )
    return wanted > 0 and usable


def open_run(
    workdir: Path,
    kind: str,
    config: Any,
    init: str | None,
    clips: int,
    find: Callable[[str | None], Mapping[str, Any]] = lambda init: {},
) -> RunRecord:
    """The record of the run in a folder: of one that goes on, or of a new one, which is begun.

    Every process looks before the main one writes there, so all of them come to the same end.

    Args:
        workdir: of this run alone.
        kind: of `kinds`.
        config: of the run. init: where its first parameters are to come from. clips: of its data set.
        find: what a new run has to find out, by name; gets `init`, and may refuse to begin.

    Raises:
        InputError: another run is in the folder, or the seed is none. OutputError: something else is, it cannot be
            made, or not all processes see it.
    """
    check_seed(config.seed)
    if is_run(workdir):
        record = _resumed(read_record(workdir, kind), config, init, clips, workdir)
    else:
        _check_empty(workdir)
        record = RunRecord(kind, config, clips, init and _absolute(init), find(init))
    parallel.wait_for_all("begin")
    if parallel.is_main():
        write_record(workdir, record)
    parallel.wait_for_all("begun")
    _check_seen_by_all(workdir)
    return record


def init_of(record: RunRecord, workdir: Path) -> str | None:
    """Where the first parameters are still to be taken from: a run that goes on has all in its own checkpoint."""
    return None if has_checkpoint(workdir) else record.init


def _resumed(old: RunRecord, config: Any, init: str | None, clips: int, workdir: Path) -> RunRecord:
    """The record of a run that goes on, perhaps with other settings of those that do not matter."""
    different = differences(old.config, config)
    changed = [text for name, text in different.items() if {name, name.partition(".")[0]}.isdisjoint(FREE_TO_CHANGE)]
    if init and not _same_init(init, old.init, workdir):
        changed.append(f"init is {init}, not {old.init}")
    if clips != old.clips:
        changed.append(f"the data set has {clips} clips, not {old.clips}")
    if changed:
        raise InputError(
            f"{workdir} is another run ({'; '.join(changed)}): take back the change to resume it, or name a new "
            "workdir."
        )
    return dataclasses.replace(old, config=config, init=_absolute(init) if init else old.init)


def _absolute(init: str) -> str:
    """Of a folder its path, which means the same wherever a command is given; all else is a name."""
    return str(Path(init).resolve()) if Path(init).exists() else init


def _same_init(init: str, old: str | None, workdir: Path) -> bool:
    """Whether a folder is the one that a run began with, perhaps moved together with the run that it lies beside."""
    if old is None:
        return False
    new, known = Path(init).resolve(), Path(old).resolve()
    moved = new.parent == workdir.resolve().parent and new.name == known.name and not known.exists()
    return new == known or moved


def _check_seen_by_all(workdir: Path) -> None:
    """Raises OutputError, in every process, where the record is not there for one: its host has a folder of its own."""
    # Not is_run: network file systems may remember for a while that a file was not there, unless the folder is listed.
    seen = workdir / RECORD_FILE in workdir.iterdir()
    if parallel.anywhere(not seen)():
        raise OutputError(f"{workdir} is not the same folder for all processes: name a workdir that their hosts share.")


def _check_empty(workdir: Path) -> None:
    """Makes the folder of a new run. Raises OutputError where that cannot be, or something else is in it."""
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        strangers = [path.name for path in workdir.iterdir() if not path.name.startswith(PREFIX)]
    except OSError as error:
        raise OutputError(f"{workdir} cannot be written to ({error.strerror}): name another workdir.") from error
    if strangers:
        raise OutputError(f"{workdir} holds other things ({strangers[0]}) and no run: name another workdir.")
