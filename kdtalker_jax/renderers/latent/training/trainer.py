"""Training of the autoencoder, or of the U-Net on its latents, from a data set on disk to a run on disk."""

from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import jax

from configs.dreamhead_training import AutoencoderRun, ImageRun
from kdtalker_jax import parallel
from kdtalker_jax.batching import in_batches
from kdtalker_jax.checkpoints import is_run
from kdtalker_jax.data.clips import open_clips
from kdtalker_jax.data.landmark_clips import check_landmarks, clip_statistics
from kdtalker_jax.errors import InputError
from kdtalker_jax.renderers.latent.config import GRID
from kdtalker_jax.renderers.latent.painting import Networks, encode, in_range
from kdtalker_jax.renderers.latent.parts import AUTOENCODER, UNET
from kdtalker_jax.renderers.latent.training.export import Trained, load_trained, sizes_of
from kdtalker_jax.renderers.latent.training.input import (
    Batches,
    Refer,
    fixed_pictures,
    itself,
    nearby,
    pictures_of,
    usable_clips,
)
from kdtalker_jax.renderers.latent.training.kept_latents import KeptLatents
from kdtalker_jax.renderers.latent.training.latents import deviation, factor_to_noise, with_latents_scaled
from kdtalker_jax.renderers.latent.training.objectives import autoencoder_losses, image_losses, latent_losses
from kdtalker_jax.seeds import random_key
from kdtalker_jax.spaces.landmarks.statistics import LandmarkStatistics
from kdtalker_jax.training.kept_clips import KeptClips
from kdtalker_jax.training.loop import Outcome, Report, announce, init_of, is_validated, open_run, run_task
from kdtalker_jax.training.one_network import FixedLosses, NetworkTask, check
from kdtalker_jax.training.settings import check_sizes

PictureRun = AutoencoderRun | ImageRun
_MEASURED = 64  # pictures, to find the deviation of latents

_NO_DATA = "DreamHead is trained on a data set: name one that pipelines.extract has made as `data`."
_NO_AUTOENCODER = "Pictures are painted as latents of an autoencoder: name a model or a run that has one as `init`."


def train(
    config: PictureRun,
    data: str | Path | None,
    workdir: str | Path,
    *,
    init: str | Path | None = None,
    report: Report = lambda sentence: None,
    progress: bool = False,
) -> Outcome:
    """Trains the network, or goes on where a run stopped.

    Args:
        config: of the run; of an `ImageRun` the U-Net is trained, and the autoencoder stays as it is.
        data: data set that `pipelines.extract --keep_frames` has made with a model of DreamHead.
        workdir: of this run alone.
        init: model or run to take the first parameters from, as far as it has them; for an `ImageRun` it has an
            autoencoder.
        report: is told what happens, a sentence at a time.
        progress: show bars.

    Raises:
        InputError: settings or data that cannot be trained with, or a loss that is not finite.
        CheckpointError, OutputError: what cannot be read or written.
    """
    check_pictures(config, parallel.device_count())
    if data is None:
        raise InputError(_NO_DATA)
    if isinstance(config, ImageRun) and init is None and not is_run(workdir):
        raise InputError(_NO_AUTOENCODER)
    make = partial(_task, config, Path(data), Path(workdir), init and str(init), report, progress)
    return run_task(make, Path(workdir), report, progress)


def check_pictures(config: PictureRun, devices: int) -> None:
    """Raises InputError for values that no run can have on this number of devices."""
    probabilities = ("beyond", "landmark_noise") if isinstance(config, ImageRun) else ("lines", "masked")
    check(config, devices, probabilities)
    factor = config.autoencoder.factor * (config.unet.factor if isinstance(config, ImageRun) else 1)
    if config.image_size < GRID or config.image_size % GRID or config.image_size % factor:
        raise InputError(f"image_size must be a multiple of {max(GRID, factor)}, not {config.image_size}.")
    cut = None if isinstance(config, ImageRun) else config.cut
    if cut is not None and not (0 < cut <= config.image_size and cut % factor == 0):
        raise InputError(f"cut must be a multiple of {factor} up to image_size={config.image_size}, not {cut}.")


def fitted(config: PictureRun, data: str | Path | None, init: str | None) -> PictureRun:
    """`kinds.Kind.fit`: sizes of the first parameters."""
    if init is None:
        if isinstance(config, ImageRun):
            raise InputError(_NO_AUTOENCODER)
        return config
    return replace(config, **{name: size for name, size in sizes_of(init).items() if hasattr(config, name)})


def kind_name(config: PictureRun) -> str:
    """Of a run."""
    return "dreamhead_images" if isinstance(config, ImageRun) else "dreamhead_autoencoder"


def _task(
    config: PictureRun, data: Path, workdir: Path, init: str | None, report: Report, progress: bool
) -> NetworkTask:
    check_landmarks(data)
    stored, paints = open_clips(data, "train"), isinstance(config, ImageRun)
    if not stored:
        raise InputError(f"There is no clip in the train split of {data}.")

    @cache
    def usable(split: str, statistics: LandmarkStatistics) -> KeptClips:
        clips = usable_clips(open_clips(data, split), statistics, config, progress=progress)
        hidden = f"; {clips.left_out} that show no mouth are left out" if clips.left_out else ""
        report(f"{data}, {split}: {len(clips)} clips{hidden}.")
        return clips

    def find(init: str | None) -> dict[str, LandmarkStatistics]:
        """Refuses clips that cannot be trained on before the run is begun."""
        known = _first(init, config).statistics if init else None
        statistics = known or clip_statistics(stored)
        if not usable("train", statistics):
            raise InputError(f"No clip in the train split of {data} shows a mouth.")
        return {"statistics": statistics}

    record = open_run(workdir, kind_name(config), config, init, len(stored), find)
    first, statistics = init_of(record, workdir), record.found["statistics"]
    given = _first(first, config).params if first else {}
    clips = usable("train", statistics)
    refer: Refer = nearby(config.farthest, config.beyond) if paints else itself
    parts = (AUTOENCODER, UNET) if paints else (AUTOENCODER,)
    networks = {part.name: part.build(config, dtype=config.dtype) for part in parts}
    if given and paints and config.unit_latents:
        shown = fixed_pictures(clips, _MEASURED, config, refer).targets
        autoencoder = {AUTOENCODER.name: {"params": given[AUTOENCODER.name]}}
        found = deviation(in_batches(jax.jit(partial(_latents, networks, autoencoder)), config.batch_size, shown))
        by = factor_to_noise(found)
        report(f"Latents have a deviation of {found:.3f}: they are made {by:g} times as large.")
        given = with_latents_scaled(given, by)
    objective = partial(image_losses if paints else autoencoder_losses, networks)
    losses, stack = partial(objective, config), pictures_of(clips, config.image_size)
    if paints and config.keep_latents:
        autoencoder = (given or load_trained(workdir).params)[AUTOENCODER.name]
        losses = partial(latent_losses, networks, config)
        stack = KeptLatents(clips, config, networks, autoencoder, progress=progress)
    held_out, asked = usable(config.validation.split, statistics), config.validation.samples
    validation = None
    if is_validated(data, config.validation.split, len(held_out) > 0, asked):
        whole = {} if paints else {"cut": None}
        same = partial(objective, replace(config, seed=0, **whole))  # noise and times of every run
        largest = config.batch_size // config.accumulate
        validation = FixedLosses(config, same, fixed_pictures(held_out, asked, config, refer), largest)
    announce(config, report)

    def params(part: Any) -> Any:
        if part.name in given:
            return given[part.name]
        return part.initialise(config, random_key(config.seed))["params"]

    first_params = partial(params, parts[-1])
    frozen = params(AUTOENCODER) if paints else None  # where the run goes on, its checkpoint has them
    ranks = {"process": parallel.process_index(), "processes": parallel.process_count()}
    batches = Batches(clips, config, refer, stack, **ranks)
    return NetworkTask(config, batches, losses, first_params, frozen, validation, report)


def _latents(networks: Networks, autoencoder: Any, pictures: jax.Array) -> jax.Array:
    return encode(networks, autoencoder, in_range(pictures))


def _first(path: str, config: PictureRun) -> Trained:
    """Raises InputError where what is there is of other sizes, or has no autoencoder for the U-Net."""
    trained = load_trained(path)
    if isinstance(config, ImageRun) and AUTOENCODER.name not in trained.params:
        raise InputError(f"{path} has no autoencoder. {_NO_AUTOENCODER}")
    for name, sizes in trained.sizes.items():
        if hasattr(config, name):
            check_sizes(path, name, sizes, getattr(config, name))
    return trained
