"""Train the renderer and the keypoint detector on clips with pictures."""

from pathlib import Path

import click

from configs.renderer import RENDERER_CONFIGS
from kdtalker_jax.cli import Command, cache_option, licence_option
from kdtalker_jax.streams import say

EPILOG = """
\b
Examples:
  python -m pipelines.train_renderer --config demo_renderer --data world --workdir renderer
  python -m pipelines.train_renderer --config liveportrait --init model --data faces --workdir tuned_renderer
  python -m pipelines.train_renderer --stage2 --init model --data world --workdir retargeting

The same command resumes a run that was interrupted. SIGTERM and Ctrl-C save before they stop; a second
one ends at once.
"""


@click.command(cls=Command, distributed=True, resumes=True, epilog=EPILOG)
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path),
    help="Synthetic data set, or one that pipelines.extract --keep_frames has made.",
)
@click.option("--workdir", required=True, type=click.Path(path_type=Path), help="Folder of this run alone.")
@click.option(
    "--config",
    type=click.Choice(sorted(RENDERER_CONFIGS)),
    help="Recipe.  [default: of the run in --workdir; liveportrait]",
)
@click.option(
    "--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change one setting; may come several times."
)
@click.option("--init", help="Start from a converted checkpoint, or from another run.")
@licence_option
@click.option("--stage2", is_flag=True, help="Train stitching and retargeting on the networks of --init.")
@click.option("--memory", is_flag=True, help="Only tell how much memory a step needs.")
@click.option("--coordinator", metavar="HOST:PORT", help="Of process 0. Not needed on Cloud TPU and under Slurm.")
@click.option("--processes", type=int, help="How many processes the run has, with --coordinator.")
@click.option("--process", type=int, help="Which of them this is, from 0, with --coordinator.")
@cache_option
def main(
    data: Path,
    workdir: Path,
    config: str | None,
    changes: tuple[str, ...],
    init: str | None,
    accept_licence: bool,
    stage2: bool,
    memory: bool,
    coordinator: str | None,
    processes: int | None,
    process: int | None,
    no_cache: bool,
) -> None:
    """Train the renderer and the keypoint detector on clips with pictures, on all devices there are.

    The same as `pipelines.train renderer`, or `pipelines.train retargeting` with --stage2.
    """
    from kdtalker_jax import parallel  # JAX takes a second to load: not needed for --help
    from kdtalker_jax.hub.names import find_model
    from kdtalker_jax.systems import resolve
    from kdtalker_jax.training.kinds import find_kind
    from pipelines.train import choose_recipe, fit_recipe, train

    if stage2 and (init is None or config):
        raise click.UsageError("--stage2 needs --init, the model with the trained renderer, and no --config.")
    if stage2 and memory:
        raise click.UsageError("--memory tells of a step of the renderer: leave --stage2 out.")
    kind = find_kind("retargeting" if stage2 else "renderer")
    recipe = choose_recipe(kind, workdir, config, changes)
    parallel.initialise(coordinator, processes, process)
    init = init and str(find_model(init, accept_licence=accept_licence))
    if memory:
        resolve(kind.memory)(recipe, say if parallel.is_main() else lambda sentence: None)
        return
    recipe = fit_recipe(kind, recipe, workdir, config, changes, data, init)
    train(kind, recipe, data, workdir, init, no_cache)


if __name__ == "__main__":
    main()
