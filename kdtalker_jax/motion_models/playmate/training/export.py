"""What a run of Playmate has learnt, for `TalkingPortrait` or to train further."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.playmate_training import EmotionRun, PlaymateRun
from kdtalker_jax.checkpoints import (
    Checkpoint,
    RunRecord,
    Which,
    is_run,
    items_for,
    load_checkpoint,
    load_item,
    read_record,
    run_kind,
    write_model,
)
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.motion_models.playmate.config import AdaptiveStatistics
from kdtalker_jax.motion_models.playmate.parts import EMOTIONS, PARTS, TRANSFORMER
from kdtalker_jax.systems import System, find_system

OWN = tuple(part.name for part in PARTS)
SYSTEMS = ("playmate", "playmate_wav2lip")  # of this motion model, with the features that each hears


@dataclass(frozen=True)
class Trained:
    """Networks from a run or a model.

    Attributes:
        variables: {"params": tree} of NumPy arrays, by the names of parts.
        sections: of these parts, and the diffusion.
        statistics: that they were trained with.
        step: after how many steps. ema: whether what was trained is the moving average.
    """

    variables: dict[str, Any]
    sections: dict[str, Any]
    statistics: AdaptiveStatistics
    step: int = 0
    ema: bool = False


def load_run(run: str | Path, *, ema: bool | None = None, which: Which = "latest") -> Trained:
    """Reads the networks of a run of either stage, also while it goes on.

    Args:
        run: its folder.
        ema: the moving average or the parameters themselves; None: the average, if the run keeps one.
        which: "latest", "best" by validation loss, or a step.

    Raises:
        CheckpointError: no such run, step or average, or it is damaged.
    """
    record = _record(run)
    names = items_for(ema)
    name, params, step = load_item(run, names, which)
    config, part = record.config, EMOTIONS if isinstance(record.config, EmotionRun) else TRANSFORMER
    variables = {part.name: {"params": params}}
    if part is EMOTIONS:
        _, frozen, _ = load_item(run, ("frozen",), step)
        variables = {TRANSFORMER.name: {"params": frozen}, **variables}
    return Trained(variables, _sections(config), record.found["statistics"], step, name == "ema")


def sections_of(path: str | Path) -> dict[str, Any]:
    """Sizes of the networks of a run or a model, and the diffusion. Raises CheckpointError."""
    return _sections(_record(path).config) if is_run(path) else load_model(path).sections


def _record(run: str | Path) -> RunRecord:
    kind = run_kind(run)
    if not issubclass(kind.config, PlaymateRun):
        raise CheckpointError(f"{run} is the run of a {kind.name}, not of Playmate: name another one.")
    return read_record(run, kind.name)


def _sections(config: PlaymateRun) -> dict[str, Any]:
    names = (TRANSFORMER.name, EMOTIONS.name, "diffusion")
    return {name: getattr(config, name) for name in names if hasattr(config, name)}


def load_model(path: str | Path) -> Trained:
    """Reads the networks of a model. Raises CheckpointError where it has none of Playmate."""
    checkpoint = load_checkpoint(path)
    if checkpoint.config.system not in SYSTEMS:
        raise CheckpointError(f"{path} is a model of {checkpoint.config.system}, not of Playmate: name another one.")
    checkpoint.require(TRANSFORMER.name)
    names = [name for name in OWN if name in checkpoint.available]
    variables = {name: checkpoint.variables(name) for name in names}
    sections = {name: checkpoint.config.sections[name] for name in (*names, "diffusion")}
    return Trained(variables, sections, checkpoint.config.statistics)


def export_run(
    run: Path, base: Path | None, out: Path, *, which: Which = "latest", raw: bool = False, overwrite: bool = False
) -> str:
    """`kinds.Kind.export`: a model of the trained networks, and renderer and sound features of the model `base`."""
    if base is None:
        raise CheckpointError(
            "A run of Playmate needs a model that has renderer and sound features: name as `checkpoint` the one that "
            "described its clips, such as demo."
        )
    trained = load_run(run, ema=False if raw else None, which=which)
    others = load_checkpoint(base)
    system = system_for(others)
    # No network of another training comes along.
    write_model(out, combined(trained, others, system), trained.variables, others, without=OWN, overwrite=overwrite)
    what = "moving average" if trained.ema else "parameters"
    return f"{out}: {what} after {trained.step} steps of {run}, all else from {base}"


def system_for(others: Checkpoint) -> System:
    """The system of Playmate that hears with the features of a model. Raises CheckpointError where it has none."""
    for name in SYSTEMS:
        _, features, _ = (system := find_system(name)).families
        if all(part.name in others.available for part in features.parts):
            return system
    raise CheckpointError(f"{others.directory} has no sound features that Playmate hears: name another `checkpoint`.")


def combined(trained: Trained, others: Checkpoint, system: System) -> ModelConfig:
    """The configuration of a model of both."""
    sections = {
        name: section for name, section in others.config.sections.items() if name in system.sections and name not in OWN
    }
    sections |= trained.sections | {"statistics": trained.statistics}
    return ModelConfig(others.config.name, system.name, sections)
