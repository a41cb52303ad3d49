"""Put a trained denoiser into a model, to sample with it or to share it."""

from pathlib import Path

import click

from kdtalker_jax.checkpoints import export_denoiser, load_denoiser
from kdtalker_jax.cli import Command

EPILOG = """
\b
Example:
  python -m pipelines.export --run run --checkpoint model --out mine
  python -m pipelines.sample --checkpoint mine --source_image face.png --driven_audio speech.wav
"""


@click.command(cls=Command, epilog=EPILOG)
@click.option("--run", required=True, type=click.Path(path_type=Path), help="The --workdir of pipelines.train.")
@click.option("--checkpoint", required=True, type=click.Path(path_type=Path), help="Model that has all other networks.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Directory of the new model.")
@click.option("--raw", is_flag=True, help="The parameters themselves, also where the run keeps a moving average.")
@click.option("--step", default="latest", show_default=True, help="latest, best by validation loss, or a number.")
@click.option("--overwrite", is_flag=True, help="Replace what --out has already.")
def main(run: Path, checkpoint: Path, out: Path, raw: bool, step: str, overwrite: bool) -> None:
    """Write a model with the denoiser of a training run, its statistics, and all else from another model."""
    which = int(step) if step.isdigit() else step
    if isinstance(which, str) and which not in ("latest", "best"):
        raise click.BadParameter(f"{step!r} is neither latest, nor best, nor a number", param_hint="--step")
    trained = load_denoiser(run, ema=False if raw else None, which=which)
    export_denoiser(trained, checkpoint, out, overwrite=overwrite)
    kind = "moving average" if trained.ema else "parameters"
    click.echo(f"{out}: {kind} after {trained.step} steps of {run}, all else from {checkpoint}")


if __name__ == "__main__":
    main()
