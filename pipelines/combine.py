"""Put networks of several models into one, such as a renderer and sound features of different systems."""

from pathlib import Path

import click

from kdtalker_jax.cli import MODEL_HELP, Command, licence_option, result

EPILOG = """
\b
Examples:
  python -m pipelines.combine --system playmate --model published --model wav2vec2 --out listening
  python -m pipelines.combine --system playmate_wav2lip --model feeling --based_on demo --out small
  python -m pipelines.extract --videos clips --checkpoint listening --out dataset
"""


@click.command(cls=Command, epilog=EPILOG)
@click.option("--system", required=True, help="Of the new model, such as playmate.")
@click.option(
    "--model",
    "models",
    multiple=True,
    required=True,
    help=f"Several times; the first goes first. {MODEL_HELP}",
)
@click.option(
    "--based_on", help="Model whose networks are shared where they are the same, not copied: it stays where it is."
)
@licence_option
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Directory of the new model.")
@click.option("--overwrite", is_flag=True, help="Replace what --out has already.")
def main(
    system: str, models: tuple[str, ...], based_on: str | None, accept_licence: bool, out: Path, overwrite: bool
) -> None:
    """Write a model of a system with the networks that other models have for it.

    What none of them has is lacking: a model without a motion model describes videos for a training of one.
    """
    from kdtalker_jax.checkpoints import combine_models  # takes seconds: not needed for --help
    from kdtalker_jax.hub.names import find_model

    found = [find_model(model, accept_licence=accept_licence) for model in models]
    base = find_model(based_on, accept_licence=accept_licence) if based_on else None
    names, lacking = combine_models(out, system, found, based_on=base, overwrite=overwrite)
    left = f"; it lacks {', '.join(lacking)}" if lacking else ""
    result(f"{out} has {', '.join(names)}{left}", output=out, parts=list(names), lacking=list(lacking))


if __name__ == "__main__":
    main()
