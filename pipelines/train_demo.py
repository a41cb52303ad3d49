"""Make the model that comes with this package: every network, trained from nothing on drawn heads that speak."""

from pathlib import Path

import click

from configs.demo import DEMO_CONFIGS
from kdtalker_jax.cli import MODEL_HELP, Command, Failure, cache_option, result
from kdtalker_jax.streams import say

EPILOG = """
\b
Examples:
  python -m pipelines.train_demo --workdir work
  python -m pipelines.train_demo --workdir trial --config small
  python -m pipelines.train_demo --system dreamhead --workdir mouths
  python -m pipelines.sample --checkpoint work/demo/model --crop none --source_image work/demo/portraits/mila.png

The same command goes on where an interrupted one was. docs/demo.md shows what comes out, and in what time.
"""


@click.command(cls=Command, resumes=True, epilog=EPILOG)
@click.option("--workdir", required=True, type=click.Path(path_type=Path), help="Folder of this model alone.")
@click.option(
    "--system",
    default="kdtalker",
    show_default=True,
    type=click.Choice(["kdtalker", "dreamhead"]),
    help="What is made. dreamhead takes the audio encoder of --base.",
)
@click.option("--base", default="demo", show_default=True, help=f"Not of kdtalker. {MODEL_HELP}")
@click.option(
    "--config",
    default="demo",
    show_default=True,
    type=click.Choice(list(DEMO_CONFIGS)),
    help="demo: the one that ships. varied: kdtalker's, of people as in photographs. small: a dry run of all stages.",
)
@cache_option
def main(workdir: Path, system: str, base: str, config: str, no_cache: bool) -> None:
    """Make a model that comes with this package: every network, trained from nothing on drawn heads that speak."""
    import jax  # takes a second to load: not needed for --help

    from kdtalker_jax.compilation import keep_compiled

    if config == "small":  # nearly all of a dry run is compiling: its programs are not made fast
        jax.config.update("jax_disable_most_optimizations", True)
    if not no_cache:
        keep_compiled()
    if RECIPES[system](config, workdir, base):
        model = workdir / "demo" / "model"
        result(f"{model}: the model, for --checkpoint of pipelines.sample", output=model)


def make_kdtalker(config: str, workdir: Path, base: str) -> bool:
    """Returns whether it is finished."""
    from kdtalker_jax.recipes.demo import train_demo

    return train_demo(DEMO_CONFIGS[config], workdir, report=say, progress=True)


def make_dreamhead(config: str, workdir: Path, base: str) -> bool:
    """Returns whether it is finished."""
    from configs.demo_dreamhead import DREAMHEAD_DEMO_CONFIGS
    from kdtalker_jax.hub.names import find_model
    from kdtalker_jax.recipes.dreamhead import train_dreamhead_demo

    if config not in DREAMHEAD_DEMO_CONFIGS:
        raise Failure(f"DreamHead has no recipe {config}: choose one of {', '.join(DREAMHEAD_DEMO_CONFIGS)}.")
    recipe = DREAMHEAD_DEMO_CONFIGS[config]
    return train_dreamhead_demo(recipe, workdir, find_model(base), report=say, progress=True)


RECIPES = {"kdtalker": make_kdtalker, "dreamhead": make_dreamhead}

if __name__ == "__main__":
    main()
