"""Train the renderer and the keypoint detector on clips with pictures."""

from pathlib import Path

import click
from tqdm import tqdm

from configs.renderer import LIVEPORTRAIT, RENDERER_CONFIGS
from configs.retargeting import RetargetingTrainingConfig
from kdtalker_jax.cli import Command

EPILOG = """
\b
Examples:
  python -m pipelines.train_renderer --config demo_renderer --data heads --workdir renderer
  python -m pipelines.train_renderer --config liveportrait --init model --data clips --workdir tuned
  python -m pipelines.train_renderer --stage2 --init model --data heads --workdir retargeting

The same command resumes a run that was interrupted. SIGTERM and Ctrl-C save before they stop.
"""


@click.command(cls=Command, epilog=EPILOG)
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
@click.option("--stage2", is_flag=True, help="Train stitching and retargeting on the networks of --init.")
@click.option("--memory", is_flag=True, help="Only tell how much memory a step needs.")
@click.option("--coordinator", metavar="HOST:PORT", help="Of process 0. Not needed on Cloud TPU and under Slurm.")
@click.option("--processes", type=int, help="How many processes the run has, with --coordinator.")
@click.option("--process", type=int, help="Which of them this is, from 0, with --coordinator.")
def main(
    data: Path,
    workdir: Path,
    config: str | None,
    changes: tuple[str, ...],
    init: str | None,
    stage2: bool,
    memory: bool,
    coordinator: str | None,
    processes: int | None,
    process: int | None,
) -> None:
    """Train the renderer and the keypoint detector on clips with pictures, on all devices there are."""
    from kdtalker_jax import parallel  # JAX takes a second to load: not needed for --help
    from kdtalker_jax.checkpoints import RendererRecord, is_run, read_record
    from kdtalker_jax.renderers.liveportrait.training.retargeting import train_retargeting
    from kdtalker_jax.renderers.liveportrait.training.trainer import report_memory, train_renderer
    from kdtalker_jax.training.settings import with_settings

    parallel.initialise(coordinator, processes, process)
    is_main = parallel.is_main()
    telling = {"report": tqdm.write if is_main else lambda sentence: None, "progress": is_main}
    if stage2:
        if init is None or config:
            raise click.UsageError("--stage2 needs --init, the model with the trained renderer, and no --config.")
        recipe = with_settings(RetargetingTrainingConfig(), changes)
        train_retargeting(recipe, data, init, workdir, **telling)
        return
    begun = read_record(workdir, RendererRecord).config if is_run(workdir) else LIVEPORTRAIT
    recipe = with_settings(RENDERER_CONFIGS[config] if config else begun, changes)
    if memory:
        report_memory(recipe, telling["report"])
        return
    train_renderer(recipe, data, workdir, init=init, **telling)


if __name__ == "__main__":
    main()
