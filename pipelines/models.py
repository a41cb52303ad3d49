"""Models by name: fetch, list, verify, remove and upload them."""

from pathlib import Path

import click

from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.checkpoints.landmarks import trust_landmarks
from kdtalker_jax.cli import Failure, Group, licence_option
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.hub.cache import models_folder, present_models
from kdtalker_jax.hub.listing import entries, remove, verify
from kdtalker_jax.hub.names import find_model
from kdtalker_jax.hub.pinning import size_in_words
from kdtalker_jax.hub.pushing import push

EPILOG = """
\b
Names:  demo               the model in the package
        published          KDTalker as its authors publish it
        syncnet            judges lips, for evaluation
        hf:owner/name      a converted model that somebody has uploaded; hf:owner/name@revision
        DIRECTORY          of a converted model

\b
Examples:
  python -m pipelines.models fetch published
  python -m pipelines.models list
  python -m pipelines.models push checkpoints/mine hf:me/mine --licence cc-by-nc-4.0

HF_ENDPOINT, HF_TOKEN, HF_HOME and HF_HUB_OFFLINE mean what they mean for huggingface_hub; KDTALKER_CACHE is where
converted models are kept. docs/models.md says more.
"""


@click.group(cls=Group, epilog=EPILOG)
def main() -> None:
    """Models that have a name: fetched once, converted, and kept in the user's cache."""


@main.command(name="list")
def list_models() -> None:
    """Show what there is: where, how large, under which licence, and where it came from."""
    for entry in entries():
        size = size_in_words(entry.size)
        click.echo(f"{entry.name}: {entry.about}")
        click.echo(f"  {f'{size} in {entry.directory}' if entry.directory else f'not fetched, more than {size}'}")
        click.echo(f"  licence: {'; '.join(entry.licences) or 'not known'}")
        click.echo(f"  from: {', '.join(entry.origins) or 'not known'}")
    click.echo(f"The cache is {models_folder()}")


@main.command()
@click.argument("name")
@click.option("--upgrade", is_flag=True, help="Take what the hub has today in place of what was fetched first.")
@licence_option
def fetch(name: str, upgrade: bool, accept_licence: bool) -> None:
    """Fetch a model, convert it, and keep it, so that no network is needed later."""
    directory = find_model(name, accept_licence=accept_licence, upgrade=upgrade)
    load_checkpoint(directory)
    click.echo(f"{name} is in {directory}")


@main.command(name="verify")
@click.argument("names", nargs=-1)
def verify_models(names: tuple[str, ...]) -> None:
    """Read whole models again, all in the cache or the NAMES of some. Exits with 2 if one is damaged."""
    damaged = 0
    for name in names or ("demo", *present_models()):
        try:
            click.echo(f"{name}: whole, in {verify(name)}")
        except CheckpointError as error:
            damaged += 1
            click.echo(f"{name}: {error}", err=True)
    if damaged:
        raise Failure(f"{damaged} of {len(names) or len(present_models()) + 1} models cannot be used")


@main.command(name="remove")
@click.argument("names", nargs=-1, required=True)
@click.option(
    "--downloads", is_flag=True, help="Also the downloads in huggingface_hub's cache, which other programs may use."
)
def remove_models(names: tuple[str, ...], downloads: bool) -> None:
    """Remove models from the cache. What they were pinned to is remembered."""
    for name in names:
        click.echo(f"{name}: removed, {size_in_words(remove(name, downloads=downloads))} are free again")


@main.command(name="push")
@click.argument("directory", type=click.Path(path_type=Path))
@click.argument("name")
@click.option("--licence", help="As the hub calls it.  [default: that of the published weights, if it has no others]")
@click.option("--private", is_flag=True, help="Make the repository private, where there is none yet.")
def push_model(directory: Path, name: str, licence: str | None, private: bool) -> None:
    """Upload the model in DIRECTORY to NAME, hf:owner/name, with a model card."""
    address = push(directory, name, licence=licence, private=private)
    click.echo(f"{directory} is at {address}: fetch it with --checkpoint {name}")


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
def trust(file: Path) -> None:
    """Let dlib read the landmark FILE, wherever it lies. Only for one whose maker you know."""
    click.echo(f"{file}: trusted, SHA-256 {trust_landmarks(file)}")


if __name__ == "__main__":
    main()
