"""Training of the renderer and the keypoint detector, from a data set on disk to a run on disk."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import flax.serialization
import jax
import numpy as np

from configs.renderer import RendererConfig
from kdtalker_jax import parallel
from kdtalker_jax.checkpoints import is_run, load_checkpoint, load_networks, read_record
from kdtalker_jax.data.landmarks import LANDMARKS
from kdtalker_jax.errors import InputError
from kdtalker_jax.renderers.liveportrait.parts import GENERATOR
from kdtalker_jax.renderers.liveportrait.training.export import RENDERER
from kdtalker_jax.renderers.liveportrait.training.input import (
    NO_DATA,
    FaceClips,
    RendererBatch,
    RendererBatches,
    any_moving,
    open_faces,
)
from kdtalker_jax.renderers.liveportrait.training.memory import step_memory
from kdtalker_jax.renderers.liveportrait.training.perceptual import load_classifiers
from kdtalker_jax.renderers.liveportrait.training.reenactment import NAMES, sizes_at
from kdtalker_jax.renderers.liveportrait.training.step import (
    Landmarks,
    RendererState,
    guided_landmarks,
    initial_state,
    make_train_step,
)
from kdtalker_jax.renderers.liveportrait.training.validation import RendererValidation
from kdtalker_jax.training.logs import Logs
from kdtalker_jax.training.loop import Outcome, Report, announce, init_of, is_validated, open_run, run_task
from kdtalker_jax.training.settings import check_positive, check_sizes, check_warmup


def report_memory(config: RendererConfig, report: Report) -> None:
    """Tells what a step of each phase needs of each device's memory. Compiles, and trains nothing.

    Raises:
        InputError: as `train_renderer`.
    """
    check_renderer(config, parallel.device_count())
    for number, phase in enumerate(config.phases, start=1):
        memory = step_memory(config, phase, parallel.device_count())
        report(
            f"Phase {number}: on each device {memory.state / 1e9:.2f} GB for the state, {memory.working / 1e9:.2f} GB "
            f"to work in, {memory.per_sample / 1e9:.2f} GB for each sample of those worked through at once."
        )


def train_renderer(
    config: RendererConfig,
    data: str | Path,
    workdir: str | Path,
    *,
    init: str | Path | None = None,
    report: Report = lambda sentence: None,
    progress: bool = False,
) -> Outcome:
    """Trains F, M, W and G, or goes on where the run in `workdir` stopped.

    Args:
        config: of the run.
        data: a synthetic data set, or one that `pipelines.extract --keep_frames` has made.
        workdir: of this run alone.
        init: converted checkpoint or other run to take the first weights from, of a run its moving average.
        report: is told what happens, a sentence at a time.
        progress: show bars.

    Raises:
        InputError: settings or data that cannot be trained with, or a loss that is not finite.
        CheckpointError, OutputError: what cannot be read or written.
    """
    check_renderer(config, parallel.device_count())
    if data is None:
        raise InputError(NO_DATA)

    def make_task() -> RendererTask:
        return RendererTask(config, Path(data), Path(workdir), init and str(init), report, progress)

    return run_task(make_task, Path(workdir), report, progress)


class RendererTask:
    """A `loop.Task`: the renderer and the keypoint detector, on pairs of frames."""

    def __init__(
        self, config: RendererConfig, data: Path, workdir: Path, init: str | None, report: Report, progress: bool
    ) -> None:
        self.config, self._workdir, self._report = config, workdir, report
        clips, validation_clips = (
            open_faces(data, split, config.frames.cache_gb, progress=progress)
            for split in ("train", config.validation.split)
        )
        report(f"{data}: {len(clips)} clips to train on, {len(validation_clips)} for validation.")
        if not clips:
            raise InputError(f"{data} has no clip to train on.")

        self._landmarks = _landmarks_of(config, clips)

        def find(init: str | None) -> dict[str, Any]:
            """Refuses what does not fit before the run is begun."""
            load_classifiers(config)
            if init:
                _load_init(init, config)
            return {}

        record = open_run(workdir, RENDERER, config, init, len(clips), find)
        first = init_of(record, workdir)
        self._first = _load_init(first, config) if first else None
        announce(config, report)
        self.batches = RendererBatches(
            clips, config, process=parallel.process_index(), processes=parallel.process_count()
        )
        self._step_of = cache(self._make_step)
        validated = is_validated(data, config.validation.split, any_moving(validation_clips), config.validation.pairs)
        self._validation_of = cache(lambda phase: self._make_validation(phase, validation_clips) if validated else None)

    def initial_state(self) -> RendererState:
        return initial_state(self.config, self._first)

    def trees(self, state: RendererState) -> dict[str, Any]:
        trees = {"weights": state.weights, "ema": state.ema, "optimizer": state.opt_state, "adversary": state.adversary}
        return {name: flax.serialization.to_state_dict(tree) for name, tree in trees.items() if tree is not None}

    def from_trees(self, step: int, trees: dict[str, Any]) -> RendererState:
        template = jax.eval_shape(lambda: initial_state(self.config))
        names = {"weights": "weights", "ema": "ema", "opt_state": "optimizer", "adversary": "adversary"}
        parts = {
            field: flax.serialization.from_state_dict(getattr(template, field), trees[name])
            for field, name in names.items()
            if name in trees
        }
        classifiers = load_classifiers(self.config)
        return RendererState(**({"adversary": None} | parts), step=np.int32(step), classifiers=classifiers)

    def step(self, state: RendererState, batch: RendererBatch) -> tuple[RendererState, dict[str, jax.Array], jax.Array]:
        return self._step_of(batch.phase)(state, batch.pictures)

    def validate(self, state: RendererState, step: int, logs: Logs) -> float | None:
        """Logs how well the moving average reenacts, as numbers and as a picture in the run's folder.

        The best checkpoint is one for pictures of the last phase's size: losses of other sizes cannot be compared.
        """
        number = self.config.phase_of(step - 1)
        validation = self._validation_of(number)
        if validation is None:
            return None
        numbers, sheet = validation(parallel.on_own_devices(state.ema))
        logs.numbers(step, {f"validation/{name}": value for name, value in numbers.items()})
        self._report(f"Step {step}: " + ", ".join(f"{name} {value:.4g}" for name, value in numbers.items()))
        if sheet is not None:
            self._draw(sheet, step, logs)
        comparable = self.config.phases[number].image_size == self.config.phases[-1].image_size
        return numbers["loss"] if comparable and math.isfinite(numbers["loss"]) else None

    def _draw(self, sheet: np.ndarray, step: int, logs: Logs) -> None:
        logs.picture(step, "validation/reenacted", sheet)
        if parallel.is_main():
            folder = self._workdir / "pictures"
            folder.mkdir(exist_ok=True)
            cv2.imwrite(str(folder / f"{step:06d}.png"), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))

    def _make_step(self, phase: int) -> Any:
        settings = self.config.phases[phase]
        what = f"{settings.steps} steps of {settings.batch_size} at {settings.image_size} pixels"
        self._report(f"Phase {phase + 1} of {len(self.config.phases)}: {what}.")
        return parallel.map_step(make_train_step(self.config, settings, self._landmarks), self.config.devices.mapping)

    def _make_validation(self, phase: int, clips: FaceClips) -> RendererValidation:
        return RendererValidation(self.config, self.config.phases[phase], clips, self._landmarks)


def check_renderer(config: RendererConfig, devices: int) -> None:
    """Raises InputError for values that no run can have on this number of devices."""
    if not config.steps:
        raise InputError("There is nothing to do: set first.steps to at least 1.")
    phases = [name for name in ("first", "second", "third", "fourth") if getattr(config, name).steps]
    numbers = ("accumulate", "frames.drivings", "frames.threads", "frames.prefetch")
    check_positive(config, (*numbers, *(f"{name}.batch_size" for name in phases)))
    check_warmup(config)
    if not 0 <= config.optimizer.cooldown <= 1:
        raise InputError(f"optimizer.cooldown is a part of all steps, from 0 to 1, not {config.optimizer.cooldown}.")
    share = devices * config.accumulate
    halvings = 2 ** (len(config.appearance.widths) - 1 + config.warping.hourglass_blocks)
    for name in phases:
        phase = getattr(config, name)
        if phase.batch_size % share:
            raise InputError(
                f"{name}.batch_size={phase.batch_size} cannot be split evenly over {devices} devices in "
                f"{config.accumulate} parts each: choose a multiple of {share}."
            )
        if phase.image_size % halvings:
            raise InputError(
                f"{name}.image_size={phase.image_size} cannot be halved as often as the networks do: choose a multiple "
                f"of {halvings}."
            )
        if phase.motion_only and phase.adversarial:
            raise InputError(
                f"{name} is motion_only, so it has no pictures to be adversarial about: unset one of them."
            )
        if not 0 <= phase.true_keypoints <= 1:
            raise InputError(f"{name}.true_keypoints is a share, from 0 to 1, not {phase.true_keypoints}.")
        if phase.motion_frozen and (phase.motion_only or phase.rest_frozen):
            other = "motion_only" if phase.motion_only else "rest_frozen"
            raise InputError(f"{name} is {other} and motion_frozen, so nothing learns: unset one of them.")
    for opening in config.openings:
        if opening.count(" - ") != 1:
            raise InputError(f"openings are pairs such as 'mouth left - mouth right', not {opening!r}.")
    if config.guided and len(config.guided) > config.motion_extractor.keypoints:
        raise InputError(
            f"guided names {len(config.guided)} landmarks for {config.motion_extractor.keypoints} keypoints."
        )


def _landmarks_of(config: RendererConfig, clips: FaceClips) -> Landmarks:
    """What the data set's landmarks are used for; nothing, where it has none."""
    if not clips[0].landmarks.shape[1]:
        return Landmarks()
    names = LANDMARKS[: clips[0].landmarks.shape[1]]  # data sets that were drawn before there were brows have fewer
    openings, regions = _named(config.openings, " - "), _named(config.regions, " + ")
    unknown = [name for name in (*config.guided, *chain(*openings, *regions)) if name and name not in names]
    if unknown:
        raise InputError(f"The data set knows no landmark {unknown[0]!r}: it knows {', '.join(names)}.")
    keypoints, guides = guided_landmarks(config, names)
    places = {names[guide]: place for place, guide in enumerate(guides)}
    return Landmarks(
        keypoints,
        guides,
        tuple(tuple(names.index(name) for name in region) for region in regions),
        tuple((places[a], places[b]) for a, b in openings if a in places and b in places),
    )


def _named(texts: Sequence[str], between: str) -> list[list[str]]:
    return [text.split(between) for text in texts]


def _load_init(path: str, config: RendererConfig) -> dict[str, Any]:
    """The networks of a converted checkpoint or of another run."""
    if is_run(path):
        found, (variables, _) = read_record(path, RENDERER).config, load_networks(path)
    else:
        checkpoint = load_checkpoint(path)
        checkpoint.require(*NAMES)
        found, variables = checkpoint.config, {name: checkpoint.variables(name) for name in NAMES}
    sizes, generator = {name: getattr(found, name) for name in NAMES}, GENERATOR.name
    if config.generator.keypoints and not found.generator.keypoints:
        sizes[generator] = replace(found.generator, keypoints=config.generator.keypoints)
        variables = {**variables, generator: _with_keypoints(variables[generator], config)}
    for name in NAMES:
        check_sizes(path, name, sizes[name], getattr(config, name))
    return variables


def _with_keypoints(generator: dict[str, Any], config: RendererConfig) -> dict[str, Any]:
    """Variables of a generator that was shown no keypoints, as one that is, and at first makes the same of it all."""
    shapes = GENERATOR.shapes(sizes_at(config, config.phases[-1]))["params"]["keypoints"]
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    return {**generator, "params": {**generator["params"], "keypoints": zeros}}
