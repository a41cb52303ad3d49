"""Models by name: fetch, list, verify, remove and upload them."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from kdtalker_jax import demo
from kdtalker_jax.cli import Failure, Group, licence_option, result
from kdtalker_jax.errors import KDTalkerError
from kdtalker_jax.streams import printable

EPILOG = """
\b
Names:  demo               the model in the package; demo-playmate and demo-dreamhead are there too
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
    from kdtalker_jax.hub.cache import models_folder  # these take seconds: not needed for --help
    from kdtalker_jax.hub.listing import entries
    from kdtalker_jax.hub.pinning import size_in_words

    models, lines = list(entries()), []
    for entry in models:
        size = size_in_words(entry.size)
        lines += [
            f"{entry.name}: {entry.about}",
            f"  {f'{size} in {entry.directory}' if entry.directory else f'not fetched, more than {size}'}",
            f"  licence: {'; '.join(entry.licences) or 'not known'}",
            f"  from: {', '.join(entry.origins) or 'not known'}",
        ]
    lines.append(f"The cache is {models_folder()}")
    result("\n".join(lines), models=[vars(entry) for entry in models], cache=models_folder())


@main.command()
@click.argument("name")
@click.option("--upgrade", is_flag=True, help="Take what the hub has today in place of what was fetched first.")
@licence_option
def fetch(name: str, upgrade: bool, accept_licence: bool) -> None:
    """Fetch a model, convert it, and keep it, so that no network is needed later."""
    from kdtalker_jax.checkpoints import load_checkpoint
    from kdtalker_jax.hub.names import find_model

    directory = find_model(name, accept_licence=accept_licence, upgrade=upgrade)
    load_checkpoint(directory)
    result(f"{name} is in {directory}", name=name, directory=directory)


@main.command(name="verify")
@click.argument("names", nargs=-1)
def verify_models(names: tuple[str, ...]) -> None:
    """Read whole models again, all of package and cache or the NAMES of some. Exits with 2 if one cannot be used."""
    from kdtalker_jax.hub.cache import present_models
    from kdtalker_jax.hub.listing import verify

    whole, failed = _each(names or (*demo.MODELS, *present_models()), verify)
    lines = [f"{name}: whole, in {directory}{_taken(directory)}" for name, directory in whole.items()]
    result("\n".join(lines), whole=whole, failed=failed)
    _end(whole, failed, "cannot be used")


def _taken(directory: Path) -> str:
    """What a model takes from another folder, which whoever made it has named."""
    from kdtalker_jax.checkpoints import load_checkpoint

    base = load_checkpoint(directory).base
    return f", with {', '.join(base.parts)} of {base.directory}" if base else ""


@main.command(name="remove")
@click.argument("names", nargs=-1, required=True)
@click.option(
    "--downloads", is_flag=True, help="Also the downloads in huggingface_hub's cache, which other programs may use."
)
def remove_models(names: tuple[str, ...], downloads: bool) -> None:
    """Remove models from the cache. What they were pinned to is remembered."""
    from kdtalker_jax.hub.listing import remove
    from kdtalker_jax.hub.pinning import size_in_words

    freed, failed = _each(names, functools.partial(remove, downloads=downloads))
    lines = [f"{name}: removed, {size_in_words(size)} are free again" for name, size in freed.items()]
    result("\n".join(lines), removed=freed, failed=failed)
    _end(freed, failed, "cannot be removed")


@main.command(name="push")
@click.argument("directory", type=click.Path(path_type=Path))
@click.argument("name")
@click.option("--licence", help="As the hub calls it.  [default: that of the published weights, if it has no others]")
@click.option("--private", is_flag=True, help="Make the repository private, where there is none yet.")
def push_model(directory: Path, name: str, licence: str | None, private: bool) -> None:
    """Upload the model in DIRECTORY to NAME, hf:owner/name, with a model card."""
    from kdtalker_jax.hub.pushing import push

    address = push(directory, name, licence=licence, private=private)
    result(f"{directory} is at {address}: fetch it with --checkpoint {name}", address=address)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
def trust(file: Path) -> None:
    """Let dlib read the landmark FILE, wherever it lies. Only for one whose maker you know."""
    from kdtalker_jax.checkpoints.landmarks import trust_landmarks

    found = trust_landmarks(file)
    result(f"{file}: trusted, SHA-256 {found}", file=file, sha256=found)


def _each(names: Sequence[str], do: Callable[[str], Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What `do` gives for each name once, and what is wrong with the others, which is told at once."""
    done, failed = {}, {}
    for name in dict.fromkeys(names):
        try:
            done[name] = do(name)
        except KDTalkerError as error:
            failed[name] = str(error)
            click.echo(printable(f"{name}: {error}"), err=True)
    return done, failed


def _end(done: Mapping[str, Any], failed: Mapping[str, str], what: str) -> None:
    if failed:
        raise Failure(f"{len(failed)} of {len(done) + len(failed)} models {what}")


if __name__ == "__main__":
    main()
