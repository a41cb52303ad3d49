"""What a run of the denoiser has learnt, for `TalkingPortrait` or to train further."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.training import TrainingConfig
from kdtalker_jax.checkpoints import Which, items_for, load_checkpoint, load_item, read_record, write_model
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.motion_models.kdtalker.parts import DENOISER
from kdtalker_jax.spaces.statistics import MotionStatistics

KIND = "denoiser"


@dataclass(frozen=True)
class TrainedDenoiser:
    """A denoiser from a run.

    Attributes:
        variables: {"params": tree} of NumPy arrays.
        config: of the run: sizes and diffusion among it.
        statistics: that it was trained with.
        step: after how many steps.
        ema: whether these are the moving averages.
    """

    variables: dict[str, Any]
    config: TrainingConfig
    statistics: MotionStatistics
    step: int
    ema: bool


def load_denoiser(run: str | Path, *, ema: bool | None = None, which: Which = "latest") -> TrainedDenoiser:
    """Reads a denoiser from a training run, also while it goes on. Reads nothing else of the checkpoint.

    Args:
        run: the folder of the run.
        ema: the moving average or the parameters themselves; None: the average, if the run keeps one.
        which: "latest", "best" by validation loss, or a step.

    Raises:
        CheckpointError: no such run, step or average, or it is damaged.
    """
    record = read_record(run, KIND)
    names = items_for(ema)
    try:
        name, params, step = load_item(run, names, which)
    except CheckpointError as error:
        if ema and "has no ema" in str(error):
            message = f"{run} keeps no moving average: it was trained without ema.enabled=true"
            raise CheckpointError(message) from None
        raise
    return TrainedDenoiser({"params": params}, record.config, record.found["statistics"], step, name == "ema")


def export_denoiser(trained: TrainedDenoiser, base: str | Path, out: str | Path, *, overwrite: bool = False) -> None:
    """Writes a model with the trained denoiser, its diffusion and statistics, and all else from the model `base`.

    Raises:
        CheckpointError: `base` cannot be read. OutputError: `out` cannot be written, or has these parts already.
    """
    others = load_checkpoint(base)
    if others.system.parts.get(DENOISER.name) != DENOISER:
        raise CheckpointError(f"{base} is a model of {others.config.system}, which has no denoiser: name another one.")
    config = others.config.replace(
        denoiser=trained.config.denoiser, diffusion=trained.config.diffusion, statistics=trained.statistics
    )
    write_model(out, config, {DENOISER.name: trained.variables}, others, overwrite=overwrite)


def export_run(
    run: Path, base: Path | None, out: Path, *, which: Which = "latest", raw: bool = False, overwrite: bool = False
) -> str:
    """`kinds.Kind.export`."""
    if base is None:
        raise CheckpointError(
            "The run of a denoiser needs a model that has all other networks: name as `checkpoint` the one that "
            "described its clips, such as demo."
        )
    trained = load_denoiser(run, ema=False if raw else None, which=which)
    export_denoiser(trained, base, out, overwrite=overwrite)
    what = "moving average" if trained.ema else "parameters"
    return f"{out}: {what} after {trained.step} steps of {run}, all else from {base}"
