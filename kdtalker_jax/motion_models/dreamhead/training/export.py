"""What a run of the audio-to-landmark network has learnt, for `TalkingPortrait` or to train further."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdtalker_jax.checkpoints import (
    Which,
    is_run,
    items_for,
    load_checkpoint,
    load_item,
    read_record,
    run_kind,
    write_model,
)
from kdtalker_jax.diffusion.config import DiffusionConfig
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.motion_models.dreamhead.config import LandmarkDenoiserConfig
from kdtalker_jax.motion_models.dreamhead.parts import DENOISER
from kdtalker_jax.spaces.landmarks.statistics import LandmarkStatistics


@dataclass(frozen=True)
class Trained:
    """The network of a run or a model.

    Attributes:
        params: tree of NumPy arrays.
        sizes, diffusion, statistics: that it was trained with.
        step: after how many steps. ema: whether it is the moving average.
    """

    params: Any
    sizes: LandmarkDenoiserConfig
    diffusion: DiffusionConfig
    statistics: LandmarkStatistics
    step: int = 0
    ema: bool = False


def load_trained(path: str | Path, *, ema: bool | None = None, which: Which = "latest") -> Trained:
    """Reads the network of a run, also while it goes on, or of a model.

    Args:
        path: its folder.
        ema: of a run, the moving average or the parameters themselves; None: the average, if the run keeps one.
        which: of a run, "latest", "best" by validation loss, or a step.

    Raises:
        CheckpointError: no such run, model, step or average, or it is damaged.
    """
    if not is_run(path):
        checkpoint = load_checkpoint(path)
        if checkpoint.system.parts.get(DENOISER.name) != DENOISER:
            raise CheckpointError(f"{path} is a model of {checkpoint.config.system}, not of DreamHead.")
        checkpoint.require(DENOISER.name)
        config = checkpoint.config
        params = checkpoint.variables(DENOISER.name)["params"]
        return Trained(params, config.landmark_denoiser, config.diffusion, config.statistics)
    if (kind := run_kind(path)).name != "dreamhead":
        raise CheckpointError(f"{path} is the run of a {kind.name}, not of a dreamhead: name another one.")
    record = read_record(path, kind.name)
    name, params, step = load_item(path, items_for(ema), which)
    config = record.config
    return Trained(params, config.landmark_denoiser, config.diffusion, record.found["statistics"], step, name == "ema")


def sections_of(path: str | Path) -> dict[str, Any]:
    """Sizes and diffusion of a run, also of one that has no checkpoint yet, or of a model. Errors as above."""
    if is_run(path) and (kind := run_kind(path)).name == "dreamhead":
        config = read_record(path, kind.name).config
        return {DENOISER.name: config.landmark_denoiser, "diffusion": config.diffusion}
    trained = load_trained(path)
    return {DENOISER.name: trained.sizes, "diffusion": trained.diffusion}


def export_run(
    run: Path, base: Path | None, out: Path, *, which: Which = "latest", raw: bool = False, overwrite: bool = False
) -> str:
    """`kinds.Kind.export`: a model of the trained network, and all else of the model `base` of DreamHead."""
    if base is None:
        raise CheckpointError(
            "This run needs a model of DreamHead that has the other networks: name as `checkpoint` the one that "
            "described its clips."
        )
    trained, others = load_trained(run, ema=False if raw else None, which=which), load_checkpoint(base)
    if others.system.parts.get(DENOISER.name) != DENOISER:
        raise CheckpointError(f"{base} is a model of {others.config.system}, not of DreamHead: name another one.")
    sections = {"diffusion": trained.diffusion, "statistics": trained.statistics, DENOISER.name: trained.sizes}
    network = {DENOISER.name: {"params": trained.params}}
    write_model(out, others.config.replace(**sections), network, others, overwrite=overwrite)
    what = "moving average" if trained.ema else "parameters"
    return f"{out}: {what} after {trained.step} steps of {run}, all else from {base}"
