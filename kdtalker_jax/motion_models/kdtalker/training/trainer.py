"""Training of the denoiser, from a data set on disk to a run on disk."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from configs.training import TrainingConfig
from kdtalker_jax import parallel
from kdtalker_jax.checkpoints import is_run, load_checkpoint, read_record
from kdtalker_jax.data.clips import load_statistics, open_clips
from kdtalker_jax.data.report import check_system
from kdtalker_jax.errors import InputError
from kdtalker_jax.motion_models.kdtalker.parts import DENOISER
from kdtalker_jax.motion_models.kdtalker.training.curves import CurveSampler
from kdtalker_jax.motion_models.kdtalker.training.export import KIND, TrainedDenoiser, load_denoiser
from kdtalker_jax.motion_models.kdtalker.training.input import Batch, Batches, UsableClips, check_clips
from kdtalker_jax.motion_models.kdtalker.training.settings import check
from kdtalker_jax.motion_models.kdtalker.training.step import TrainState, initial_state, make_train_step
from kdtalker_jax.motion_models.kdtalker.training.validation import Validation
from kdtalker_jax.training.logs import Logs
from kdtalker_jax.training.loop import Outcome, Report, announce, init_of, is_validated, open_run, run_task
from kdtalker_jax.training.settings import check_sizes

_NO_DATA = "A denoiser is trained on a data set: name one that pipelines.extract has made as `data`."


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
    if data is None:
        raise InputError(_NO_DATA)

    def make_task() -> DenoiserTask:
        return DenoiserTask(config, Path(data), Path(workdir), init and str(init), report, progress)

    return run_task(make_task, Path(workdir), report, progress)


def fitted(config: TrainingConfig, data: str | Path | None, init: str | None) -> TrainingConfig:
    """`kinds.Kind.fit`: sizes and diffusion of the first parameters, else features as wide as those of the clips."""
    check(config, parallel.device_count())
    if init is not None:
        if is_run(init):
            found = read_record(init, KIND).config
        else:
            checkpoint = load_checkpoint(init)
            checkpoint.require(DENOISER.name)
            found = checkpoint.config
        return replace(config, denoiser=found.denoiser, diffusion=found.diffusion)
    if data is None:
        raise InputError(_NO_DATA)
    clips = open_clips(data, "train")
    if not clips:
        return config
    return replace(config, denoiser=replace(config.denoiser, audio_features=np.shape(clips[0]["audio"])[1]))


class DenoiserTask:
    """A `loop.Task`: the denoiser, on windows of clips."""

    def __init__(
        self, config: TrainingConfig, data: Path, workdir: Path, init: str | None, report: Report, progress: bool
    ) -> None:
        self.config, self._report = config, report
        clips = _load_clips(config, data, "train", report, progress)
        check_clips(clips, config, f"the train split of {data}")

        def find(init: str | None) -> dict[str, Any]:
            return {"statistics": _load_init(init, config).statistics if init else load_statistics(data)}

        record = open_run(workdir, KIND, config, init, len(clips), find)
        statistics = record.found["statistics"]
        first = init_of(record, workdir)
        self._first = _load_init(first, config) if first else None
        announce(config, report)
        self.batches = Batches(clips, config, process=parallel.process_index(), processes=parallel.process_count())
        self._step = parallel.map_step(make_train_step(config, statistics), config.devices.mapping)

        self._validation = self._curves = None
        validation_clips = _load_clips(config, data, config.validation.split, report, progress)
        if is_validated(data, config.validation.split, len(validation_clips) > 0, config.validation.windows):
            self._validation = Validation(config, statistics, validation_clips)
            if config.validation.sampled_windows and parallel.is_main():
                self._curves = CurveSampler(config, statistics, validation_clips[0])

    def initial_state(self) -> TrainState:
        return initial_state(self.config, self._first and self._first.variables["params"])

    def trees(self, state: TrainState) -> dict[str, Any]:
        trees = {"params": state.params, "optimizer": state.opt_state, "ema": state.ema}
        return {name: tree for name, tree in trees.items() if tree is not None}

    def from_trees(self, step: int, trees: dict[str, Any]) -> TrainState:
        return TrainState(np.int32(step), trees["params"], trees["optimizer"], trees.get("ema"))

    def step(self, state: TrainState, batch: Batch) -> tuple[TrainState, dict[str, jax.Array], jax.Array]:
        return self._step(state, batch.windows)

    def validate(self, state: TrainState, step: int, logs: Logs) -> float | None:
        """Logs the losses of the parameters and of their average; returns the one that sampling would use."""
        if self._validation is None:
            return None
        candidates = {"validation": state.params, "validation/ema": state.ema}
        losses = {name: self._validation(params) for name, params in candidates.items() if params is not None}
        logs.numbers(step, {f"{name}/{part}": value for name, parts in losses.items() for part, value in parts.items()})
        best = "validation/ema" if "validation/ema" in losses else "validation"
        self._report(f"Step {step}: {best}/loss {losses[best]['loss']:.4f}")
        if self.config.validation.sampled_windows:
            params = parallel.to_host(candidates[best])
            if self._curves:
                logs.picture(step, "validation/curves", self._curves(params))
        loss = losses[best]["loss"]
        return loss if math.isfinite(loss) else None


def _load_clips(config: TrainingConfig, data: Path, split: str, report: Report, progress: bool) -> UsableClips:
    check_system(data, "kdtalker")
    clips = UsableClips(open_clips(data, split), config.denoiser.window, config.input, progress=progress)
    left_out = f"; {clips.left_out} too short for a window are left out" if clips.left_out else ""
    report(f"{data}, {split}: {len(clips)} clips{left_out}.")
    return clips


def _load_init(path: str, config: TrainingConfig) -> TrainedDenoiser:
    """The denoiser of another run or of a model. A run may change its schedule, but no sizes nor what it predicts."""
    if is_run(path):
        trained = load_denoiser(path)
    else:
        checkpoint = load_checkpoint(path)
        sections = replace(config, denoiser=checkpoint.config.denoiser, diffusion=checkpoint.config.diffusion)
        variables = checkpoint.variables(DENOISER.name)
        trained = TrainedDenoiser(variables, sections, checkpoint.config.statistics, step=0, ema=False)
    check_sizes(path, DENOISER.name, trained.config.denoiser, config.denoiser)
    predicts, wanted = trained.config.diffusion.prediction, config.diffusion.prediction
    if predicts != wanted:
        raise InputError(f"{path} predicts {predicts}, and diffusion.prediction={wanted} does not begin there.")
    return trained
