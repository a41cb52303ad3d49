"""Train a network of a model on a data set of clips."""

import shlex
from pathlib import Path
from typing import Any

import click

from kdtalker_jax.cli import Command, cache_option, licence_option, result
from kdtalker_jax.streams import say

EPILOG = """
\b
Examples:
  python -m pipelines.train --data dataset --workdir run
  python -m pipelines.train --data dataset --workdir run64 --set batch_size=64 --set ema.enabled=true
  python -m pipelines.train --config small --data dataset --workdir dry_run
  python -m pipelines.train --data dataset --workdir tuned --init model --set optimizer.learning_rate=1e-5
  python -m pipelines.train renderer --config demo_renderer --data heads --workdir renderer
  python -m pipelines.train playmate --stage 2 --init run --data labelled --workdir emotions

The same command resumes a run that was interrupted. SIGTERM and Ctrl-C save before they stop; a second
one ends at once.
docs/training.md describes several devices, several machines, and TPU pods.
"""


@click.command(cls=Command, distributed=True, resumes=True, epilog=EPILOG)
@click.argument("kind", default="denoiser")
@click.option(
    "--data", type=click.Path(path_type=Path), help="Data set that pipelines.extract or pipelines.synthesize has made."
)
@click.option("--workdir", required=True, type=click.Path(path_type=Path), help="Folder of this run alone.")
@click.option(
    "--config", help="Recipe, by the name that the kind gives it.  [default: of the run in --workdir; the kind's first]"
)
@click.option(
    "--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change one setting; may come several times."
)
@click.option(
    "--stage",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Of a training in stages: 2 of playmate trains emotions, of dreamhead pictures, of renderer retargeting.",
)
@click.option("--init", help="Start from a model, or from another run (its moving average, if any).")
@licence_option
@click.option("--coordinator", metavar="HOST:PORT", help="Of process 0. Not needed on Cloud TPU and under Slurm.")
@click.option("--processes", type=int, help="How many processes the run has, with --coordinator.")
@click.option("--process", type=int, help="Which of them this is, from 0, with --coordinator.")
@cache_option
def main(
    kind: str,
    data: Path | None,
    workdir: Path,
    config: str | None,
    changes: tuple[str, ...],
    stage: int,
    init: str | None,
    accept_licence: bool,
    coordinator: str | None,
    processes: int | None,
    process: int | None,
    no_cache: bool,
) -> None:
    """Train a network of a model on a data set of clips, on all devices there are.

    KIND is denoiser (the motion of KDTalker), playmate (that of Playmate, in two stages), dreamhead (landmarks and
    pictures, in two stages), dreamhead_autoencoder, renderer (LivePortrait's pictures and keypoints), retargeting (its
    stitching, eyes and lips) or audio_encoder; other packages may add more.
    """
    from kdtalker_jax import parallel  # JAX takes a second to load: not needed for --help
    from kdtalker_jax.hub.names import find_model
    from kdtalker_jax.training.kinds import at_stage, find_kind

    found = at_stage(find_kind(kind), stage)
    recipe = choose_recipe(found, workdir, config, changes)
    parallel.initialise(coordinator, processes, process)
    init = init and str(find_model(init, accept_licence=accept_licence))
    recipe = fit_recipe(found, recipe, workdir, config, changes, data, init)
    train(found, recipe, data, workdir, init, no_cache)


def train(kind: Any, recipe: Any, data: Path | None, workdir: Path, init: str | None, no_cache: bool) -> None:
    """Trains, or goes on; the main process tells what happens."""
    from kdtalker_jax import parallel
    from kdtalker_jax.compilation import keep_compiled
    from kdtalker_jax.systems import resolve

    if not no_cache:
        keep_compiled()
    is_main = parallel.is_main()
    report = say if is_main else lambda sentence: None
    outcome = resolve(kind.train)(recipe, data, workdir, init=init, report=report, progress=is_main)
    if is_main:
        state = "finished" if outcome.finished else "stopped: the same command goes on"
        if outcome.finished and kind.export:
            state += f"; python -m pipelines.export --run {shlex.quote(str(workdir))} puts it into a model"
        result(f"{workdir}: {state}", workdir=workdir, step=outcome.step, finished=outcome.finished)


def choose_recipe(kind: Any, workdir: Path, config: str | None, changes: tuple[str, ...]) -> Any:
    """The recipe of this name, else that of the run in the folder, else the kind's first; with some settings changed.

    Raises:
        InputError: there is no such recipe or setting.
    """
    from kdtalker_jax.checkpoints import is_run, read_record
    from kdtalker_jax.errors import InputError
    from kdtalker_jax.systems import resolve
    from kdtalker_jax.training.settings import with_settings

    recipes = resolve(kind.recipes)
    if config is not None and config not in recipes:
        raise InputError(f"There is no recipe {config!r} of a {kind.name}: there are {', '.join(recipes)}.")
    if config is None and is_run(workdir):
        return with_settings(read_record(workdir, kind.name).config, changes)
    return with_settings(recipes[config or next(iter(recipes))], changes)


def fit_recipe(
    kind: Any,
    recipe: Any,
    workdir: Path,
    config: str | None,
    changes: tuple[str, ...],
    data: Path | None,
    init: str | None,
) -> Any:
    """The recipe with the sizes of its first parameters, or else of the data set; of a run that goes on, its own.

    Raises:
        CheckpointError, InputError: there are no such parameters, or there is no such data set.
    """
    from kdtalker_jax.checkpoints import is_run, load_checkpoint, read_record
    from kdtalker_jax.systems import resolve
    from kdtalker_jax.training.settings import with_settings

    if is_run(workdir):
        if config is None or kind.fit is None:
            return recipe
        read_record(workdir, kind.name)
        init = str(workdir)
    elif init is not None and not is_run(init):
        load_checkpoint(init)
    return recipe if kind.fit is None else with_settings(resolve(kind.fit)(recipe, data, init), changes)


if __name__ == "__main__":
    main()
