"""What runs of the renderer and of retargeting have learnt, as a model."""

from pathlib import Path

from configs.kdtalker import PUBLISHED
from kdtalker_jax.checkpoints import Which, load_checkpoint, load_networks, read_record, run_kind, write_model
from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.renderers.liveportrait.parts import PARTS

RENDERER, RETARGETING = "renderer", "retargeting"


def export_renderer(
    run: str | Path, base: str | Path | None, out: str | Path, *, which: Which = "latest", overwrite: bool = False
) -> int:
    """Writes a model with the networks of a run of the renderer or of retargeting.

    Args:
        run: the folder of the run.
        base: model that all else is taken from; may be None for a run of the renderer, whose networks are then all
            there is.
        out: directory of the model. overwrite: whether parts that it has already may be replaced.
        which: as in `checkpoints.load_item`.

    Returns:
        The step that they are from.

    Raises:
        CheckpointError: `run` or `base` cannot be read. OutputError: `out` cannot be written.
    """
    trained, step = load_networks(run, which=which)
    others = load_checkpoint(base) if base else None
    if others and not set(trained) <= set(others.system.parts):
        raise CheckpointError(
            f"{base} is a model of {others.config.system}, which has other networks: name another one."
        )
    config = others.config if others else PUBLISHED
    if run_kind(run).name == RENDERER:
        recipe = read_record(run, RENDERER).config
        sizes = {part.name: getattr(recipe, part.name) for part in PARTS}
        config = config.replace(None if others else recipe.name, **sizes)
    write_model(out, config, trained, others, overwrite=overwrite)
    return step


def export_run(
    run: Path, base: Path | None, out: Path, *, which: Which = "latest", raw: bool = False, overwrite: bool = False
) -> str:
    """`kinds.Kind.export`."""
    kind = run_kind(run).name
    if raw:
        raise InputError(f"The run of a {kind} gives its moving average alone: leave out raw.")
    if base is None and kind != RENDERER:
        raise CheckpointError(f"The run of a {kind} needs a model that has all other networks.")
    after = export_renderer(run, base, out, which=which, overwrite=overwrite)
    return f"{out}: {kind} after {after} steps of {run}" + (f", all else from {base}" if base else "")
