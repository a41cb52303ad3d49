"""Training from beginning to end: start or resume, step, validate, save, stop when asked."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from configs.training import FREE_TO_CHANGE, TrainingConfig
from kdtalker_jax import parallel
from kdtalker_jax.checkpoints import (
    RunCheckpoints,
    RunRecord,
    TrainedDenoiser,
    is_run,
    load_checkpoint,
    load_denoiser,
    read_record,
    write_record,
)
from kdtalker_jax.data.clips import load_statistics, open_clips
from kdtalker_jax.errors import InputError, OutputError
from kdtalker_jax.training.curves import CurveSampler
from kdtalker_jax.training.input import Batches, UsableClips, check_clips
from kdtalker_jax.training.interruption import Interruption
from kdtalker_jax.training.logs import Logs, Meter, NoLogs
from kdtalker_jax.training.settings import check, differences, to_text
from kdtalker_jax.training.step import TrainState, initial_state, make_train_step
from kdtalker_jax.training.validation import Validation

Report = Callable[[str], None]


class Outcome(NamedTuple):
    """How training ended: after how many steps, and whether these are all."""

    step: int
    finished: bool


class Dispatched(NamedTuple):
    """A step that the devices may still be working on."""

    number: int
    metrics: dict[str, jax.Array]
    losses: jax.Array  # (devices, B)
    sources: list[str]
    stop: Callable[[], bool]


def train(
    config: TrainingConfig,
    data: str | Path,
    workdir: str | Path,
    *,
    init: str | Path | None = None,
    report: Report = lambda sentence: None,
    progress: bool = False,
) -> Outcome:
    """Trains a denoiser, or goes on where the run in `workdir` stopped.

    Args:
        config: of the run. When it is resumed, only `FREE_TO_CHANGE` may differ from what it was started with.
        data: data set that `pipelines.extract` has made.
        workdir: of this run alone; with several processes, a folder that all of them see.
        init: converted checkpoint or other run to take the first parameters from, with the statistics that they were
            trained with; of a run its moving average, if it keeps one.
        report: is told what happens, a sentence at a time.
        progress: show bars.

    Raises:
        InputError: settings or data that cannot be trained with, or a loss that is not finite.
        CheckpointError, OutputError: what cannot be read or written.
    """
    check(config, parallel.device_count())
    with Interruption() as interruption:
        trainer = Trainer(config, Path(data), Path(workdir), init and str(init), report, progress)
        try:
            outcome = trainer.run(interruption)
        finally:
            trainer.close()
    if outcome.finished:
        report(f"Finished after {outcome.step} steps.")
    else:
        report(f"Stopped after {outcome.step} of {config.steps} steps: run the same command to go on.")
    return outcome


class Trainer:
    """One run on these devices. Use `train`."""

    def __init__(
        self, config: TrainingConfig, data: Path, workdir: Path, init: str | None, report: Report, progress: bool
    ) -> None:
        self._config, self._report = config, report
        report(f"Settings:\n{to_text(config)}\nTraining on {parallel.describe()}.")
        clips = _load_clips(config, data, "train", report, progress)
        check_clips(clips, config, f"the train split of {data}")
        record, first = _begin(config, data, workdir, init, len(clips))
        self._checkpoints = RunCheckpoints(workdir, config.checkpoints)

        self._batches = Batches(clips, config, process=parallel.process_index(), processes=parallel.process_count())
        state = initial_state(config, first and first.variables["params"])
        self._checkpoints.check_room(_trees(state))
        if self._checkpoints.latest is not None:
            state = self._restore(state)
        self._step = int(state.step)
        self._state = parallel.replicate(state)
        self._train_step = parallel.map_step(make_train_step(config, record.statistics))

        self._validation = self._curves = None
        validation_clips = _load_clips(config, data, config.validation.split, report, progress)
        if config.validation.windows and len(validation_clips):
            self._validation = Validation(config, record.statistics, validation_clips)
            if config.validation.sampled_windows and parallel.is_main():
                self._curves = CurveSampler(config, record.statistics, validation_clips[0])
        if parallel.is_main():
            self._logs = Logs(workdir, self._step, config.steps, progress=progress)
            self._logs.text("settings", to_text(config).replace("\n", "  \n"))
        else:
            self._logs = NoLogs()
        self._meter = Meter(config.batch_size)

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
                loss = self._validate() if validating and not stop else None
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
        batch = next(self._batches)
        self._meter.waited(time.perf_counter() - began)
        self._state, metrics, losses = self._train_step(self._state, batch.windows)
        self._step += 1
        return Dispatched(self._step, metrics, losses, batch.sources, parallel.anywhere(interruption.asked))

    def _settle(self, step: Dispatched) -> bool:
        """Waits for a step, checks and logs it. Returns whether someone asks to stop."""
        metrics = {name: float(value) for name, value in step.metrics.items()}
        if not metrics.pop("finite"):
            raise InputError(self._not_finite(step, metrics))
        self._logs.advance()
        self._meter.done()
        if step.number % self._config.log_every == 0:
            values = {**metrics, **self._meter.read()}
            self._logs.numbers(step.number, {f"train/{name}": value for name, value in values.items()})
        return step.stop()

    def _not_finite(self, step: Dispatched, metrics: dict[str, float]) -> str:
        bad = np.flatnonzero(~np.isfinite(np.ravel(step.losses)))
        named = ", ".join(step.sources[i] for i in bad[:5]) or "no clip of this process in particular"
        more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        return (
            f"Step {step.number} has loss {metrics['loss']} and gradient norm {metrics['grad_norm']}, from "
            f"{named}{more}: look at these clips, or lower optimizer.learning_rate. The step was not made; the run is "
            f"at its checkpoint of step {self._checkpoints.latest or 0}."
        )

    def _validate(self) -> float | None:
        """Logs the losses of the parameters and of their average; returns the one that sampling would use."""
        if self._validation is None:
            return None
        candidates = {"validation": self._state.params, "validation/ema": self._state.ema}
        losses = {name: self._validation(params) for name, params in candidates.items() if params is not None}
        self._logs.numbers(
            self._step, {f"{name}/{part}": value for name, parts in losses.items() for part, value in parts.items()}
        )
        best = "validation/ema" if "validation/ema" in losses else "validation"
        self._report(f"Step {self._step}: {best}/loss {losses[best]['loss']:.4f}")
        if self._curves:
            self._logs.picture(self._step, "validation/curves", self._curves(parallel.to_host(candidates[best])))
        loss = losses[best]["loss"]
        return loss if math.isfinite(loss) else None

    def _save(self, loss: float | None) -> None:
        trees = _trees(parallel.to_host(self._state))
        self._checkpoints.save(self._step, trees, {"input": self._batches.state}, loss)

    def _restore(self, template: TrainState) -> TrainState:
        trees, progress = self._checkpoints.restore(_trees(template))
        self._batches.state = progress["input"]
        self._report(f"Going on after step {progress['step']}.")
        return TrainState(np.int32(progress["step"]), trees["params"], trees["optimizer"], trees.get("ema"))


def _trees(state: TrainState) -> dict[str, Any]:
    """The state as the items of a checkpoint."""
    trees = {"params": state.params, "optimizer": state.opt_state, "ema": state.ema}
    return {name: tree for name, tree in trees.items() if tree is not None}


def _load_clips(config: TrainingConfig, data: Path, split: str, report: Report, progress: bool) -> UsableClips:
    clips = UsableClips(open_clips(data, split), config.denoiser.window, config.input, progress=progress)
    left_out = f"; {clips.left_out} too short for a window are left out" if clips.left_out else ""
    report(f"{data}, {split}: {len(clips)} clips{left_out}.")
    return clips


def _begin(
    config: TrainingConfig, data: Path, workdir: Path, init: str | None, clips: int
) -> tuple[RunRecord, TrainedDenoiser | None]:
    """Starts or resumes the run in a folder: its record, and the denoiser to start from if not from a fresh one.

    Every process looks at the folder before the main one writes to it, so all of them come to the same end.
    """
    if is_run(workdir):
        record = _resumed(read_record(workdir), config, init, clips, workdir)
        first = _load_init(record.init, config) if record.init else None
    else:
        _check_empty(workdir)
        first = _load_init(init, config) if init else None
        record = RunRecord(config, first.config.statistics if first else load_statistics(data), clips, init)
    parallel.wait_for_all("begin")
    if parallel.is_main():
        write_record(workdir, record)
    return record, first


def _resumed(old: RunRecord, config: TrainingConfig, init: str | None, clips: int, workdir: Path) -> RunRecord:
    """The record of a run that goes on, perhaps with other settings of those that do not matter."""
    different = differences(old.config, config)
    changed = [text for name, text in different.items() if name.partition(".")[0] not in FREE_TO_CHANGE]
    if init and init != old.init:
        changed.append(f"--init is {init}, not {old.init}")
    if clips != old.clips:
        changed.append(f"the data set has {clips} clips, not {old.clips}")
    if changed:
        raise InputError(
            f"{workdir} is another run ({'; '.join(changed)}): take back the change to resume it, or name a new "
            "--workdir."
        )
    return RunRecord(config, old.statistics, clips, old.init)


def _load_init(path: str, config: TrainingConfig) -> TrainedDenoiser:
    """The denoiser of another run or of a converted checkpoint."""
    if is_run(path):
        trained = load_denoiser(path)
    else:
        checkpoint = load_checkpoint(path)
        trained = TrainedDenoiser(checkpoint.variables("denoiser"), checkpoint.config, step=0, ema=False)
    different = differences(trained.config.denoiser, config.denoiser)
    if different:
        raise InputError(f"{path} has a denoiser of other sizes: here {'; '.join(different.values())}.")
    return trained


def _check_empty(workdir: Path) -> None:
    """Makes the folder of a new run. Raises OutputError where that cannot be, or something else is in it."""
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        strangers = [path.name for path in workdir.iterdir() if path.name != "run.partial"]
    except OSError as error:
        raise OutputError(f"{workdir} cannot be written to ({error.strerror}): name another --workdir.") from error
    if strangers:
        raise OutputError(f"{workdir} holds other things ({strangers[0]}) and no run: name another --workdir.")
