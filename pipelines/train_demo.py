"""Make the model that comes with this package: every network, trained from nothing on drawn heads that speak."""

from pathlib import Path
from typing import NamedTuple

import click

from configs.demo import DEMO_CONFIGS
from kdtalker_jax.cli import Command, cache_option, result
from kdtalker_jax.streams import say


class Demo(NamedTuple):
    """How one system's demo is made. What is named is "module:NAME"."""

    configs: str  # by name
    recipe: str
    model: str  # its place in the working folder
    based: bool = False  # on another demo, whose networks it takes


DEMOS = {
    "kdtalker": Demo("configs.demo:DEMO_CONFIGS", "kdtalker_jax.recipes.demo:train_demo", "demo/model"),
    "playmate": Demo(
        "configs.demo_playmate:PLAYMATE_DEMO_CONFIGS",
        "kdtalker_jax.recipes.playmate:train_playmate_demo",
        "demo-playmate",
        based=True,
    ),
}

EPILOG = """
\b
Examples:
  python -m pipelines.train_demo --workdir work
  python -m pipelines.train_demo --workdir trial --config small
  python -m pipelines.train_demo --workdir feeling --system playmate --base work/demo/model
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
@click.option("--system", default="kdtalker", show_default=True, type=click.Choice(list(DEMOS)), help="What is made.")
@click.option(
    "--base", help="Model that another system's demo takes all other networks from.  [default: demo]"
)
@cache_option
def main(workdir: Path, config: str, system: str, base: str | None, no_cache: bool) -> None:
    """Make the model that comes with this package: every network, trained from nothing on drawn heads that speak.

    The demo of another system is trained beside it, and takes renderer and sound features from it.
    """
    import jax  # takes a second to load: not needed for --help

    from kdtalker_jax.compilation import keep_compiled
    from kdtalker_jax.hub.names import find_model
    from kdtalker_jax.systems import resolve

    demo = DEMOS[system]
    configs = resolve(demo.configs)
    if config not in configs:
        raise click.BadParameter(f"there are {', '.join(configs)} of {system}, not {config}", param_hint="--config")
    if base is not None and not demo.based:
        raise click.BadParameter(f"the demo of {system} is made from nothing", param_hint="--base")
    given = (find_model(base or "demo"),) if demo.based else ()
    if config == "small":  # nearly all of a dry run is compiling: its programs are not made fast
        jax.config.update("jax_disable_most_optimizations", True)
    if not no_cache:
        keep_compiled()
    if resolve(demo.recipe)(configs[config], workdir, *given, report=say, progress=True):
        model = workdir / demo.model
        result(f"{model}: the model, for --checkpoint of pipelines.sample", output=model)


if __name__ == "__main__":
    main()
