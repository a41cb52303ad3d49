"""What a demo model reaches, on people and speech that it has not seen: `python -m benchmarks.demo_quality`.

The synthetic world knows the truth, so that pictures are compared with what they should show, and mouths with what was
said. Takes some minutes on two cores.
"""

import time
from pathlib import Path

import click

from benchmarks.demo import playmate
from benchmarks.demo.systems import QUICK, SYSTEMS, Amount, Asked
from benchmarks.race import describe_run, echo_table, json_option, write_json
from kdtalker_jax import demo
from kdtalker_jax.cli import Command
from kdtalker_jax.compilation import keep_compiled
from kdtalker_jax.diffusion.samplers import SAMPLERS
from kdtalker_jax.emotions import EMOTIONS
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.synthetic.clips import LOOKS


@click.command(cls=Command)
@click.option(
    "--system", default="kdtalker", show_default=True, type=click.Choice(list(SYSTEMS)), help="What is measured."
)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Model to judge.  [default: the package's]")
@click.option(
    "--look", default="plain", show_default=True, type=click.Choice(LOOKS),
    help="Of kdtalker: people who are smooth and simple, or as in photographs.",
)  # fmt: skip
@click.option(
    "--beside", type=click.Path(path_type=Path), help="Of playmate: KDTalker's demo, for the time.  [default: demo]"
)
@click.option(
    "--without_transfer",
    type=click.Path(path_type=Path),
    help="Of playmate: model whose renderer never saw the transfer loss, to compare leaks with.",
)
@click.option(
    "--recordings",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of real speech; else that row stays empty.",
)
@click.option("--pictures", type=click.Path(path_type=Path), help="Also write sheets of pictures to this folder.")
@click.option("--sampler", type=click.Choice(list(SAMPLERS)), help="Of the diffusion.  [default: as pipelines.sample]")
@click.option("--quick", is_flag=True, help="Fewer people, frames and seeds.")
@json_option
def main(
    system: str, checkpoint: Path | None, look: str, beside: Path | None, without_transfer: Path | None,
    recordings: Path | None, pictures: Path | None, sampler: str | None, quick: bool, json_file: Path | None,
) -> None:  # fmt: skip
    """Print what is measured on people and recordings not trained on, beside what is to be reached.

    Mouths and eyes are read in the pictures, by a probe that learns from drawings of the same person; emotions by
    judges that do.
    """
    if system != "playmate" and (beside or without_transfer):
        raise click.UsageError("--beside and --without_transfer are of --system playmate.")
    if checkpoint is None:  # of kdtalker that which commands take where none is named
        checkpoint = {"playmate": demo.PLAYMATE, "dreamhead": demo.DREAMHEAD}.get(system)
    keep_compiled()
    rows, started = [], time.perf_counter()
    model = TalkingPortrait.load(checkpoint or demo.MODEL)
    if model.config.system.removesuffix("_wav2lip") != system:
        raise click.BadParameter(f"{checkpoint or 'demo'} is a model of {model.config.system}", param_hint="--system")
    if sampler:
        model.motion_model.sampler = sampler
    asked = Asked(
        model,
        checkpoint,
        recordings,
        pictures,
        QUICK if quick else Amount(),
        look,
        TalkingPortrait.load(beside or demo.MODEL) if system == "playmate" else None,
        TalkingPortrait.load(without_transfer) if without_transfer else None,
    )
    for measured in SYSTEMS[system](asked):
        rows += measured
        click.echo(f"{time.perf_counter() - started:4.0f} s: {measured[-1].quantity}", err=True)
    echo_table(("quantity", "reach", "measured", "reached"), [row.cells for row in rows])
    for row in rows:
        if "asked_by_judged" in row.numbers:
            click.echo("\nasked (rows) and judged (columns), shares of videos")
            echo_table(("", *EMOTIONS), playmate.confusion_table(row))
    run = describe_run(str(checkpoint or "default"), quick=quick, sampler=model.motion_model.sampler)
    write_json(json_file, {**run, "rows": [row._asdict() for row in rows]})


if __name__ == "__main__":
    main()
