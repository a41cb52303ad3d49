"""Make the model that comes with this package: every network, trained from nothing on drawn heads that speak."""

from pathlib import Path

import click

from configs.demo import DEMO_CONFIGS
from kdtalker_jax.cli import Command, cache_option, result
from kdtalker_jax.streams import say

EPILOG = """
\b
Examples:
  python -m pipelines.train_demo --workdir work
  python -m pipelines.train_demo --workdir trial --config small
  python -m pipelines.sample --checkpoint work/demo/model --crop none --source_image work/demo/portraits/mila.png

The same command goes on where an interrupted one was. docs/demo.md shows what comes out, and in what time.
"""


@click.command(cls=Command, resumes=True, epilog=EPILOG)
@click.option("--workdir", required=True, type=click.Path(path_type=Path), help="Folder of this model alone.")
@click.option(
    "--config",
    default="demo",
    show_default=True,
    type=click.Choice(list(DEMO_CONFIGS)),
    help="demo: the one that ships. varied: people as in photographs. small: a dry run of all stages in minutes.",
)
@cache_option
def main(workdir: Path, config: str, no_cache: bool) -> None:
    """Make the model that comes with this package: every network, trained from nothing on drawn heads that speak."""
    import jax  # takes a second to load: not needed for --help

    from kdtalker_jax.compilation import keep_compiled
    from kdtalker_jax.recipes.demo import train_demo

    if config == "small":  # nearly all of a dry run is compiling: its programs are not made fast
        jax.config.update("jax_disable_most_optimizations", True)
    if not no_cache:
        keep_compiled()
    if train_demo(DEMO_CONFIGS[config], workdir, report=say, progress=True):
        model = workdir / "demo" / "model"
        result(f"{model}: the model, for --checkpoint of pipelines.sample", output=model)


if __name__ == "__main__":
    main()
