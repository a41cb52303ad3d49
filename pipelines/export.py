"""Put what a run has trained into a model, to sample with it or to share it."""

from pathlib import Path

import click

from kdtalker_jax.cli import MODEL_HELP, Command, licence_option, result
from kdtalker_jax.errors import InputError

EPILOG = """
\b
Examples:
  python -m pipelines.export --run run --checkpoint model --out mine
  python -m pipelines.export --run renderer --out mine
  python -m pipelines.sample --checkpoint mine --source_image face.png --driven_audio speech.wav
"""


@click.command(cls=Command, epilog=EPILOG)
@click.option("--run", required=True, type=click.Path(path_type=Path), help="The --workdir of pipelines.train.")
@click.option("--checkpoint", help=f"It has all other networks. {MODEL_HELP}")
@licence_option
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Directory of the new model.")
@click.option("--raw", is_flag=True, help="The parameters themselves, also where the run keeps a moving average.")
@click.option("--step", default="latest", show_default=True, help="latest, best by validation loss, or a number.")
@click.option("--overwrite", is_flag=True, help="Replace what --out has already.")
def main(
    run: Path, checkpoint: str | None, accept_licence: bool, out: Path, raw: bool, step: str, overwrite: bool
) -> None:
    """Write a model with what a run has trained, and all else from another model.

    A denoiser comes with its statistics. The renderer needs no other model: what it lacks can be added later.
    """
    from kdtalker_jax.checkpoints import run_kind  # takes seconds: not needed for --help
    from kdtalker_jax.hub.names import find_model
    from kdtalker_jax.systems import resolve

    which = int(step) if step.isdecimal() else step
    if isinstance(which, str) and which not in ("latest", "best"):
        raise click.BadParameter(f"{step!r} is neither latest, nor best, nor a number", param_hint="--step")
    kind = run_kind(run)
    if kind.export is None:
        raise InputError(f"What a run of {kind.name} trains fits no other model: pipelines.train_demo makes both.")
    base = find_model(checkpoint, accept_licence=accept_licence) if checkpoint else None
    sentence = resolve(kind.export)(run, base, out, which=which, raw=raw, overwrite=overwrite)
    result(sentence, output=out)


if __name__ == "__main__":
    main()
