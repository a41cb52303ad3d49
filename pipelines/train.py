"""Train a motion model on a data set of clips."""

from pathlib import Path

import click
from tqdm import tqdm

from configs.training import CONFIGS, KDTALKER
from kdtalker_jax.cli import Command

EPILOG = """
\b
Examples:
  python -m pipelines.train --data clips --workdir run
  python -m pipelines.train --data clips --workdir run --set batch_size=64 --set ema.enabled=true
  python -m pipelines.train --config small --data clips --workdir trial
  python -m pipelines.train --data clips --workdir tuned --init model --set optimizer.learning_rate=1e-5

The same command resumes a run that was interrupted. SIGTERM and Ctrl-C save before they stop.
docs/training.md describes several devices, several machines, and TPU pods.
"""


@click.command(cls=Command, epilog=EPILOG)
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="Data set that pipelines.extract has made."
)
@click.option("--workdir", required=True, type=click.Path(path_type=Path), help="Folder of this run alone.")
@click.option(
    "--config",
    type=click.Choice(sorted(CONFIGS)),
    help="Recipe: kdtalker as published, small for a dry run.  [default: of the run in --workdir; kdtalker]",
)
@click.option(
    "--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change one setting; may come several times."
)
@click.option("--init", help="Start from a converted checkpoint, or from another run (its moving average, if any).")
@click.option("--coordinator", metavar="HOST:PORT", help="Of process 0. Not needed on Cloud TPU and under Slurm.")
@click.option("--processes", type=int, help="How many processes the run has, with --coordinator.")
@click.option("--process", type=int, help="Which of them this is, from 0, with --coordinator.")
def main(
    data: Path,
    workdir: Path,
    config: str | None,
    changes: tuple[str, ...],
    init: str | None,
    coordinator: str | None,
    processes: int | None,
    process: int | None,
) -> None:
    """Train the denoiser on a data set of clips, on all devices there are."""
    from kdtalker_jax import parallel  # JAX takes a second to load: not needed for --help
    from kdtalker_jax.checkpoints import is_run, read_record
    from kdtalker_jax.motion_models.kdtalker.training.trainer import train
    from kdtalker_jax.training.settings import with_settings

    begun = read_record(workdir).config if is_run(workdir) else KDTALKER
    recipe = with_settings(CONFIGS[config] if config else begun, changes)
    parallel.initialise(coordinator, processes, process)
    is_main = parallel.is_main()
    report = tqdm.write if is_main else lambda sentence: None
    train(recipe, data, workdir, init=init, report=report, progress=is_main)


if __name__ == "__main__":
    main()
