"""Training of the audio-to-landmark network, from a data set on disk to a run on disk."""

from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from configs.dreamhead_training import LandmarkRun
from kdtalker_jax import parallel
from kdtalker_jax.data.clips import open_clips
from kdtalker_jax.data.landmark_clips import check_landmarks, clip_statistics, points_of
from kdtalker_jax.errors import InputError
from kdtalker_jax.motion_models.dreamhead.parts import DENOISER
from kdtalker_jax.motion_models.dreamhead.training.export import Trained, load_trained, sections_of
from kdtalker_jax.motion_models.dreamhead.training.input import Batches, check_clips, fixed_windows, usable_clips
from kdtalker_jax.motion_models.dreamhead.training.loss import landmark_losses
from kdtalker_jax.seeds import random_key
from kdtalker_jax.spaces.landmarks.statistics import LandmarkStatistics
from kdtalker_jax.training.kept_clips import KeptClips
from kdtalker_jax.training.loop import Outcome, Report, announce, init_of, is_validated, open_run, run_task
from kdtalker_jax.training.one_network import FixedLosses, NetworkTask, check
from kdtalker_jax.training.settings import check_sizes

_NO_DATA = "DreamHead is trained on a data set: name one that pipelines.extract has made as `data`."


def train(
    config: LandmarkRun,
    data: str | Path | None,
    workdir: str | Path,
    *,
    init: str | Path | None = None,
    report: Report = lambda sentence: None,
    progress: bool = False,
) -> Outcome:
    """Trains the network, or goes on where a run stopped.

    Args:
        config: of the run.
        data: data set that `pipelines.extract` has made with a model of DreamHead.
        workdir: of this run alone.
        init: model or run to take the first parameters from, with their statistics.
        report: is told what happens, a sentence at a time.
        progress: show bars.

    Raises:
        InputError: settings or data that cannot be trained with, or a loss that is not finite.
        CheckpointError, OutputError: what cannot be read or written.
    """
    check_motion(config, parallel.device_count())
    if data is None:
        raise InputError(_NO_DATA)
    make = partial(_task, config, Path(data), Path(workdir), init and str(init), report, progress)
    return run_task(make, Path(workdir), report, progress)


def check_motion(config: LandmarkRun, devices: int) -> None:
    """Raises InputError for values that no run can have on this number of devices."""
    check(config, devices, ("audio_dropout", "known_frames", "first_window"))
    if config.diffusion.prediction != "sample":
        raise InputError("The network predicts the landmarks themselves: leave diffusion.prediction=sample.")


def fitted(config: LandmarkRun, data: str | Path | None, init: str | None) -> LandmarkRun:
    """`kinds.Kind.fit`: sizes and diffusion of the first parameters, else landmarks and features as clips have them."""
    if init is not None:
        return replace(config, **sections_of(init))
    if data is None:
        raise InputError(_NO_DATA)
    check_landmarks(Path(data))
    clips = open_clips(data, "train")
    if not clips:
        return config
    clip = clips[0]
    found = {"points": points_of(clip).shape[1], "audio_features": clip["audio"].shape[1]}
    return replace(config, landmark_denoiser=replace(config.landmark_denoiser, **found))


def _task(
    config: LandmarkRun, data: Path, workdir: Path, init: str | None, report: Report, progress: bool
) -> NetworkTask:
    check_landmarks(data)
    stored = open_clips(data, "train")
    if not stored:
        raise InputError(f"There is no clip in the train split of {data}.")

    @cache
    def usable(split: str, statistics: LandmarkStatistics) -> KeptClips:
        clips = usable_clips(open_clips(data, split), statistics, config, progress=progress)
        without = f"; {clips.left_out} below {config.landmark_denoiser.window} frames or without a face are left out"
        report(f"{data}, {split}: {len(clips)} clips{without if clips.left_out else ''}.")
        return clips

    def find(init: str | None) -> dict[str, LandmarkStatistics]:
        """Refuses clips that cannot be trained on before the run is begun."""
        statistics = _first(init, config).statistics if init else clip_statistics(stored)
        check_clips(usable("train", statistics), config, f"the train split of {data}")
        return {"statistics": statistics}

    record = open_run(workdir, "dreamhead", config, init, len(stored), find)
    statistics = record.found["statistics"]
    clips = usable("train", statistics)
    losses = _losses(config)
    held_out, asked = usable(config.validation.split, statistics), config.validation.samples
    validation = None
    if is_validated(data, config.validation.split, len(held_out) > 0, asked):
        same = _losses(replace(config, seed=0))  # noise and times of every run
        largest = config.batch_size // config.accumulate
        validation = FixedLosses(config, same, fixed_windows(held_out, asked, config), largest)
    announce(config, report)

    def first() -> Any:
        if init := init_of(record, workdir):
            return _first(init, config).params
        return DENOISER.initialise(config, random_key(config.seed))["params"]

    batches = Batches(clips, config, process=parallel.process_index(), processes=parallel.process_count())
    return NetworkTask(config, batches, losses, first, None, validation, report)


def _losses(config: LandmarkRun) -> Any:
    network = DENOISER.build(config, dtype=config.dtype)

    def losses(params: Any, frozen: None, windows: Any, step: Any) -> dict[str, Any]:
        return landmark_losses(network, config, params, windows, step)

    return losses


def _first(path: str, config: LandmarkRun) -> Trained:
    """Raises InputError where what is there is of other sizes, or predicts something else."""
    trained = load_trained(path)
    check_sizes(path, DENOISER.name, trained.sizes, config.landmark_denoiser)
    return trained
