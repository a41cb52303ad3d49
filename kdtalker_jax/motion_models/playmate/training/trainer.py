"""Training of Playmate's networks, stage 1 or 2, from a data set on disk to a run on disk."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from configs.playmate_training import EmotionRun, PlaymateRun
from kdtalker_jax import parallel
from kdtalker_jax.checkpoints import is_run
from kdtalker_jax.data.clips import open_clips
from kdtalker_jax.data.report import check_system
from kdtalker_jax.errors import InputError
from kdtalker_jax.motion_models.playmate.parts import EMOTIONS, TRANSFORMER
from kdtalker_jax.motion_models.playmate.training.export import SYSTEMS, Trained, load_model, load_run, sections_of
from kdtalker_jax.motion_models.playmate.training.input import (
    Batch,
    Batches,
    check_clips,
    frames_of,
    statistics_of,
    usable_clips,
)
from kdtalker_jax.motion_models.playmate.training.settings import check
from kdtalker_jax.motion_models.playmate.training.step import initial_state, make_train_step, trained_part
from kdtalker_jax.motion_models.playmate.training.validation import Validation
from kdtalker_jax.seeds import random_key
from kdtalker_jax.training.kept_clips import KeptClips
from kdtalker_jax.training.loop import Outcome, Report, announce, init_of, is_validated, open_run, run_task
from kdtalker_jax.training.one_network import OneNetworkTask, State
from kdtalker_jax.training.settings import check_sizes

_NO_DATA = "Playmate is trained on a data set: name one that pipelines.extract has made as `data`."
DESCRIBED_BY = ("kdtalker", *SYSTEMS)  # whose data sets have motion of implicit keypoints and sound


def train(
    config: PlaymateRun,
    data: str | Path | None,
    workdir: str | Path,
    *,
    init: str | Path | None = None,
    report: Report = lambda sentence: None,
    progress: bool = False,
) -> Outcome:
    """Trains the diffusion transformer (stage 1) or the emotion module (stage 2), or goes on where a run stopped.

    Args:
        config: of the run; an `EmotionRun` is stage 2.
        data: data set that `pipelines.extract` has made; of stage 2 one whose clips have emotions.
        workdir: of this run alone.
        init: model or run to take the first parameters from, with their statistics. Stage 2 needs one, of stage 1.
        report: is told what happens, a sentence at a time.
        progress: show bars.

    Raises:
        InputError: settings or data that cannot be trained with, or a loss that is not finite.
        CheckpointError, OutputError: what cannot be read or written.
    """
    check(config, parallel.device_count())
    if data is None:
        raise InputError(_NO_DATA)

    def make_task() -> PlaymateTask:
        return PlaymateTask(config, Path(data), Path(workdir), init and str(init), report, progress)

    return run_task(make_task, Path(workdir), report, progress)


def fitted(config: PlaymateRun, data: str | Path | None, init: str | None) -> PlaymateRun:
    """`kinds.Kind.fit`: sizes and diffusion of the first parameters, else features as wide as those of the clips."""
    check(config, parallel.device_count())
    if init is not None:
        sections = sections_of(init)
        width = sections[TRANSFORMER.name].width
        if EMOTIONS.name not in sections and isinstance(config, EmotionRun) and config.emotion_module.width != width:
            heads = sections[TRANSFORMER.name].heads
            sections[EMOTIONS.name] = replace(config.emotion_module, width=width, heads=heads)
        names = (TRANSFORMER.name, "diffusion", EMOTIONS.name)
        return replace(config, **{name: sections[name] for name in names if name in sections and hasattr(config, name)})
    if isinstance(config, EmotionRun):
        raise InputError("Stage 2 goes on from stage 1: name its run, or a model, as `init`.")
    if data is None:
        raise InputError(_NO_DATA)
    clips = open_clips(data, "train")
    if not clips:
        return config
    width = np.shape(clips[0]["audio"])[1]
    return replace(config, diffusion_transformer=replace(config.diffusion_transformer, audio_features=width))


class PlaymateTask(OneNetworkTask):
    """A `loop.Task`: one of the two networks, on windows of clips."""

    def __init__(
        self, config: PlaymateRun, data: Path, workdir: Path, init: str | None, report: Report, progress: bool
    ) -> None:
        super().__init__(None, report)
        self.config, self._labelled = config, isinstance(config, EmotionRun)
        if self._labelled and init is None and not is_run(workdir):
            raise InputError("Stage 2 goes on from stage 1: name its run, or a model, as `init`.")
        clips = self._clips(data, "train", progress)
        check_clips(clips, config, f"the train split of {data}", labelled=self._labelled)

        def find(init: str | None) -> dict[str, Any]:
            return {"statistics": _load_init(init, config).statistics if init else statistics_of(clips)}

        record = open_run(workdir, trained_kind(config), config, init, len(clips), find)
        statistics = record.found["statistics"]
        first = init_of(record, workdir)
        self._first = _load_init(first, config) if first else None
        announce(config, report)
        self.batches = Batches(clips, config, process=parallel.process_index(), processes=parallel.process_count())
        self._step = parallel.map_step(make_train_step(config, statistics), config.devices.mapping)

        held_out = self._clips(data, config.validation.split, progress)
        if is_validated(data, config.validation.split, len(held_out) > 0, config.validation.windows):
            self._validation = Validation(config, statistics, held_out)

    def _clips(self, data: Path, split: str, progress: bool) -> KeptClips:
        check_system(data, *DESCRIBED_BY)
        clips = usable_clips(open_clips(data, split), self.config, labelled=self._labelled, progress=progress)
        unlabelled = " or of unknown emotion" if self._labelled else ""
        frames = frames_of(self.config)
        left_out = f"; {clips.left_out} below {frames} frames{unlabelled} are left out" if clips.left_out else ""
        self._report(f"{data}, {split}: {len(clips)} clips{left_out}.")
        return clips

    def initial_state(self) -> State:
        given = {} if self._first is None else self._first.variables
        first, frozen = (
            given.get(name, {}).get("params") for name in (trained_part(self.config).name, TRANSFORMER.name)
        )
        if not self._labelled:
            return initial_state(self.config, first)
        if frozen is None:  # the run goes on: its checkpoint has them
            frozen = TRANSFORMER.initialise(self.config, random_key(self.config.seed))["params"]
        return initial_state(self.config, first, frozen)

    def step(self, state: State, batch: Batch) -> tuple[State, dict[str, jax.Array], jax.Array]:
        return self._step(state, batch.windows)


def trained_kind(config: PlaymateRun) -> str:
    """The name of the kind of a run."""
    return "playmate_emotions" if isinstance(config, EmotionRun) else "playmate"


def _load(path: str) -> Trained:
    return load_run(path) if is_run(path) else load_model(path)


def _load_init(path: str, config: PlaymateRun) -> Trained:
    """Networks of another run or of a model. A run may change its schedule, but no sizes nor what it predicts."""
    trained = _load(path)
    for name in trained.variables:
        if hasattr(config, name):
            check_sizes(path, name, trained.sections[name], getattr(config, name))
    predicts, wanted = trained.sections["diffusion"].prediction, config.diffusion.prediction
    if predicts != wanted:
        raise InputError(f"{path} predicts {predicts}, and diffusion.prediction={wanted} does not begin there.")
    return trained
