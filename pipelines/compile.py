"""Compile a model's programs before they are needed, and export them."""

import time
from pathlib import Path

import click
import numpy as np

from kdtalker_jax import demo
from kdtalker_jax.cli import MODEL_HELP, Command, cache_option, licence_option
from kdtalker_jax.compilation import About, check_export, keep_compiled, write_export
from kdtalker_jax.diffusion.samplers import SAMPLERS, check_sampler, with_defaults
from kdtalker_jax.hub.names import find_model
from kdtalker_jax.media.rates import SAMPLES_PER_FRAME
from kdtalker_jax.portrait import DTYPES, TalkingPortrait
from kdtalker_jax.rendering import check_batch_size, default_batch_size


@click.command(cls=Command)
@click.option("--checkpoint", help=f"{MODEL_HELP}  [default: demo]")
@licence_option
@click.option("--sampler", type=click.Choice(list(SAMPLERS)), help="As in pipelines.sample.")
@click.option("--steps", type=int, help="As in pipelines.sample.")
@click.option("--dtype", type=click.Choice(list(DTYPES)), help="As in pipelines.sample.")
@click.option("--batch_size", type=int, help="As in pipelines.sample.")
@click.option("--export", "exported", type=click.Path(path_type=Path), help="Also export the programs to this folder.")
@cache_option
def main(
    checkpoint: str | None,
    accept_licence: bool,
    sampler: str | None,
    steps: int | None,
    dtype: str | None,
    batch_size: int | None,
    exported: Path | None,
    no_cache: bool,
) -> None:
    """Make one frame, so that all programs are compiled and kept for later runs with the same options.

    --export writes the renderer and the motion window for CPUs, NVIDIA GPUs and TPUs alike, without weights:
    docs/deployment.md says how to run them.
    """
    check_sampler(sampler, steps)
    if batch_size is not None:
        check_batch_size(batch_size)
    if exported is not None:
        check_export(exported)
    directory = find_model(checkpoint or demo.MODEL, accept_licence=accept_licence)
    folder = None if no_cache else keep_compiled()
    started = time.perf_counter()
    model = TalkingPortrait.load(directory, dtype=dtype)
    sampler, steps = with_defaults(sampler, steps, model.motion_model.sampler)
    check_sampler(sampler, steps)
    source = model.prepare(demo.PORTRAITS[0], crop="none")
    silence = np.zeros(SAMPLES_PER_FRAME, np.float32)
    motion = model.animate(source, silence, sampler=sampler, steps=steps, stitch=True)
    list(model.render(source, motion, batch_size=batch_size))
    click.echo(f"Compiled in {time.perf_counter() - started:.1f} s; {f'kept in {folder}' if folder else 'not kept'}.")
    if exported is not None:
        names = model.config.name, model.config.system
        about = About(*names, model.dtype, batch_size or default_batch_size(), sampler, steps)
        write_export(exported, model, source, about)
        click.echo(f"Exported to {exported}.")


if __name__ == "__main__":
    main()
