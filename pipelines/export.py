"""Put what a run has trained into a model, to sample with it or to share it."""

from pathlib import Path

import click

from kdtalker_jax.checkpoints import export_denoiser, export_renderer, load_denoiser, run_kind
from kdtalker_jax.cli import Command

EPILOG = """
\b
Examples:
  python -m pipelines.export --run run --checkpoint model --out mine
  python -m pipelines.export --run renderer --out mine
  python -m pipelines.sample --checkpoint mine --source_image face.png --driven_audio speech.wav
"""


@click.command(cls=Command, epilog=EPILOG)
@click.option(
    "--run",
    required=True,
    type=click.Path(path_type=Path),
    help="The --workdir of pipelines.train or pipelines.train_renderer.",
)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Model that has all other networks.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Directory of the new model.")
@click.option("--raw", is_flag=True, help="The parameters themselves, also where the run keeps a moving average.")
@click.option("--step", default="latest", show_default=True, help="latest, best by validation loss, or a number.")
@click.option("--overwrite", is_flag=True, help="Replace what --out has already.")
def main(run: Path, checkpoint: Path | None, out: Path, raw: bool, step: str, overwrite: bool) -> None:
    """Write a model with what a run has trained, and all else from another model.

    A denoiser comes with its statistics. The renderer needs no other model: what it lacks can be added later.
    """
    which = int(step) if step.isdigit() else step
    if isinstance(which, str) and which not in ("latest", "best"):
        raise click.BadParameter(f"{step!r} is neither latest, nor best, nor a number", param_hint="--step")
    kind = run_kind(run)
    if kind == "audio encoder":
        raise click.UsageError("A denoiser knows one audio encoder: pipelines.train_demo makes both, not this command.")
    if checkpoint is None and kind != "renderer":
        raise click.UsageError(f"The run of a {kind} needs --checkpoint, the model that has all other networks.")
    if kind != "denoiser":
        if raw:
            raise click.UsageError(f"--raw is not for the run of a {kind}.")
        after = export_renderer(run, checkpoint, out, which=which, overwrite=overwrite)
        click.echo(
            f"{out}: {kind} after {after} steps of {run}" + (f", all else from {checkpoint}" if checkpoint else "")
        )
        return
    trained = load_denoiser(run, ema=False if raw else None, which=which)
    export_denoiser(trained, checkpoint, out, overwrite=overwrite)
    kind = "moving average" if trained.ema else "parameters"
    click.echo(f"{out}: {kind} after {trained.step} steps of {run}, all else from {checkpoint}")


if __name__ == "__main__":
    main()
