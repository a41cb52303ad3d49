"""Make the model that comes with this package: every network, trained from nothing on drawn heads that speak."""

from pathlib import Path

import click

from configs.demo import DEMO_CONFIGS
from kdtalker_jax.cli import MODEL_HELP, Command, Failure, cache_option, licence_option, result
from kdtalker_jax.streams import say

EPILOG = """
\b
Examples:
  python -m pipelines.train_demo --workdir work
  python -m pipelines.train_demo --workdir trial --config small
  python -m pipelines.train_demo --system dreamhead --workdir mouths
  python -m pipelines.train_demo --system playmate --workdir feeling --base work/demo/model
  python -m pipelines.sample --checkpoint work/demo/model --crop none --source_image work/demo/portraits/mila.png

The same command goes on where an interrupted one was. docs/demo.md shows what comes out, and in what time.
"""

# By system: configurations, and what makes a model of one. All but KDTalker's are given another model.
RECIPES = {
    "kdtalker": ("configs.demo:DEMO_CONFIGS", "kdtalker_jax.recipes.demo:train_demo"),
    "playmate": ("configs.demo_playmate:PLAYMATE_DEMO_CONFIGS", "kdtalker_jax.recipes.playmate:train_playmate_demo"),
    "dreamhead": (
        "configs.demo_dreamhead:DREAMHEAD_DEMO_CONFIGS",
        "kdtalker_jax.recipes.dreamhead:train_dreamhead_demo",
    ),
}


@click.command(cls=Command, resumes=True, epilog=EPILOG)
@click.option("--workdir", required=True, type=click.Path(path_type=Path), help="Folder of this model alone.")
@click.option(
    "--system",
    default="kdtalker",
    show_default=True,
    type=click.Choice(list(RECIPES)),
    help="What is made. dreamhead takes the audio encoder of --base, playmate all but its own networks.",
)
@click.option("--base", help=f"Not of kdtalker. {MODEL_HELP}  [default: demo]")
@click.option(
    "--config",
    default="demo",
    show_default=True,
    type=click.Choice(list(DEMO_CONFIGS)),
    help="demo: for two cores. accelerator: longer, for one of these; kdtalker's ships, playmate has none. "
    "plain: kdtalker's, of smooth drawn heads alone. small: a dry run of all stages.",
)
@licence_option
@cache_option
def main(workdir: Path, system: str, base: str | None, config: str, accept_licence: bool, no_cache: bool) -> None:
    """Make a model that comes with this package: every network, trained from nothing on drawn heads that speak."""
    import jax  # takes a second to load: not needed for --help

    from kdtalker_jax.compilation import keep_compiled
    from kdtalker_jax.hub.names import find_model
    from kdtalker_jax.recipes.stages import MODEL
    from kdtalker_jax.systems import resolve

    if base is not None and system == "kdtalker":
        raise Failure("A model of kdtalker is made of nothing but itself: --base is of another --system.")
    if config == "small":  # nearly all of a dry run is compiling: its programs are not made fast
        jax.config.update("jax_disable_most_optimizations", True)
    if not no_cache:
        keep_compiled()
    configs, make = map(resolve, RECIPES[system])
    if config not in configs:
        raise Failure(f"{system} has no recipe {config}: choose one of {', '.join(configs)}.")
    others = () if system == "kdtalker" else (find_model(base or "demo", accept_licence=accept_licence),)
    if make(configs[config], workdir, *others, report=say, progress=True):
        model = workdir / MODEL
        result(f"{model}: the model, for --checkpoint of pipelines.sample", output=model)


if __name__ == "__main__":
    main()
