"""What runs of the autoencoder and of the U-Net have learnt, for `TalkingPortrait` or to train further."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kdtalker_jax.checkpoints import (
    Checkpoint,
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
from kdtalker_jax.renderers.latent.parts import AUTOENCODER, PARTS, UNET
from kdtalker_jax.spaces.landmarks.statistics import LandmarkStatistics

TRAINED = {"dreamhead_images": UNET, "dreamhead_autoencoder": AUTOENCODER}  # by kind of run
_PAINTING = "painting"  # a section of systems that paint by landmarks


@dataclass(frozen=True)
class Trained:
    """Networks of a run or a model.

    Attributes:
        params: trees of NumPy arrays, by the names of parts.
        sizes: by the names of parts.
        statistics: of the faces that they were trained on; None: they were trained on others.
        image_size: of the pictures, likewise.
        step: after how many steps. ema: whether what was trained is the moving average.
    """

    params: Mapping[str, Any]
    sizes: Mapping[str, Any]
    statistics: LandmarkStatistics | None = None
    image_size: int | None = None
    step: int = 0
    ema: bool = False


def load_trained(path: str | Path, *, ema: bool | None = None, which: Which = "latest") -> Trained:
    """Reads the networks of a run, also while it goes on, or of a model of latent diffusion or DreamHead.

    Args:
        path: its folder.
        ema: of a run, the moving average or the parameters themselves; None: the average, if the run keeps one.
        which: of a run, "latest", "best" by validation loss, or a step.

    Raises:
        CheckpointError: no such run, model, step or average, or it is damaged.
    """
    if not is_run(path):
        return _of_model(path)
    kind = run_kind(path)
    if kind.name not in TRAINED:
        raise CheckpointError(f"{path} is the run of a {kind.name}, which has no pictures: name another one.")
    record = read_record(path, kind.name)
    name, params, step = load_item(path, items_for(ema), which)
    trained, config = {TRAINED[kind.name].name: params}, record.config
    if kind.name == "dreamhead_images":
        trained[AUTOENCODER.name] = load_item(path, ("frozen",), step)[1]
    sizes = {part: getattr(config, part) for part in trained}
    return Trained(trained, sizes, record.found["statistics"], config.image_size, step, name == "ema")


def sizes_of(path: str | Path) -> dict[str, Any]:
    """Those of the networks of a run, also of one that has no checkpoint yet, or of a model. Errors as above."""
    if is_run(path) and (kind := run_kind(path)).name in TRAINED:
        config = read_record(path, kind.name).config
        return {part.name: getattr(config, part.name) for part in PARTS if hasattr(config, part.name)}
    return load_trained(path).sizes


def _of_model(path: str | Path) -> Trained:
    checkpoint = load_checkpoint(path)
    names = [part.name for part in PARTS if checkpoint.system.parts.get(part.name) == part]
    names = [name for name in names if name in checkpoint.available]
    if not names:
        raise CheckpointError(f"{path} has no networks of latent diffusion: name another model.")
    params = {name: checkpoint.variables(name)["params"] for name in names}
    config = checkpoint.config
    return Trained(params, {name: config.sections[name] for name in names}, known_statistics(checkpoint))


def known_statistics(checkpoint: Checkpoint) -> LandmarkStatistics | None:
    """Of the faces that a model was trained on; None where it makes no landmarks, and has those of nobody."""
    members = checkpoint.system.members
    if len(members) < 3 or not all(part.name in checkpoint.available for part in members[-1].parts):
        return None
    return checkpoint.config.sections.get("statistics")


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
    if _PAINTING not in others.config.sections or others.system.parts.get(UNET.name) != UNET:
        raise CheckpointError(f"{base} is a model of {others.config.system}, not of DreamHead: name another one.")
    sections = {**trained.sizes, "statistics": known_statistics(others) or trained.statistics}
    sections[_PAINTING] = replace(others.config.painting, image_size=trained.image_size)
    networks = {name: {"params": tree} for name, tree in trained.params.items()}
    write_model(out, others.config.replace(**sections), networks, others, overwrite=overwrite)
    what = "moving average" if trained.ema else "parameters"
    return f"{out}: {what} after {trained.step} steps of {run}, all else from {base}"
