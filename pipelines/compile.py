"""Compile a model's programs before they are needed, and export them."""

import time
from pathlib import Path
from typing import Any

import click

from kdtalker_jax.choices import check_sampler, with_defaults
from kdtalker_jax.cli import Command, cache_option, licence_option, result
from pipelines.options import (
    batch_size_option,
    checkpoint_option,
    dtype_option,
    rendering_option,
    sampler_option,
    steps_option,
)
from pipelines.portraits import Portrait


@click.command(cls=Command)
@checkpoint_option
@licence_option
@sampler_option
@steps_option
@rendering_option
@dtype_option
@batch_size_option
@click.option("--export", "exported", type=click.Path(path_type=Path), help="Also export the programs to this folder.")
@cache_option
def main(
    checkpoint: str,
    accept_licence: bool,
    sampler: str | None,
    steps: int | None,
    rendering: dict[str, Any],
    dtype: str | None,
    batch_size: int | None,
    exported: Path | None,
    no_cache: bool,
) -> None:
    """Make one frame, so that all programs are compiled and kept for later runs with the same options: of models that
    feel, those with an emotion and those without.

    --export writes the renderer and the motion window for CPUs, NVIDIA GPUs and TPUs alike, without weights:
    docs/deployment.md says how to run them.
    """
    import numpy as np  # these take seconds: not needed for --help

    from kdtalker_jax.compilation import About, check_export, keep_compiled, write_export
    from kdtalker_jax.hub.names import find_model
    from kdtalker_jax.media.rates import SAMPLES_PER_FRAME
    from kdtalker_jax.motion_models.protocol import can_feel
    from kdtalker_jax.portrait import TalkingPortrait
    from kdtalker_jax.renderers.protocol import can_repaint
    from kdtalker_jax.rendering import check_batch_size, default_batch_size

    check_sampler(sampler, steps)
    if batch_size is not None:
        check_batch_size(batch_size)
    if exported is not None:
        check_export(exported)
    directory = find_model(checkpoint, accept_licence=accept_licence)
    folder = None if no_cache else keep_compiled()
    started = time.perf_counter()
    model = TalkingPortrait.load(directory, dtype=dtype, rendering=rendering)
    sampler, steps = with_defaults(sampler, steps, model.motion_model.sampler)
    check_sampler(sampler, steps)
    portrait = Portrait(None, "none", None)
    source = portrait.prepared(model, portrait.read(checkpoint))
    silence = np.zeros(SAMPLES_PER_FRAME, np.float32)
    how = {"sampler": sampler, "steps": steps, "stitch": not can_repaint(model.renderer)}
    motion = model.animate(source, silence, **how)
    if can_feel(model.motion_model):
        model.animate(source, silence, emotion="neutral", **how)
    list(model.render(source, motion, batch_size=batch_size))
    seconds = round(time.perf_counter() - started, 1)
    if exported is not None:
        names = model.config.name, model.config.system
        about = About(*names, model.dtype, batch_size or default_batch_size(), sampler, steps)
        write_export(exported, model, source, about)
    kept = f"kept in {folder}" if folder else "not kept"
    to = f" Exported to {exported}." if exported else ""
    result(f"Compiled in {seconds} s; {kept}.{to}", seconds=seconds, cache=folder, exported=exported)


if __name__ == "__main__":
    main()
