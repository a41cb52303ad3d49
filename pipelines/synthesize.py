"""Make a synthetic world: drawn heads that speak, whose motion and mouths are known exactly."""

from pathlib import Path

import click

from kdtalker_jax.cli import Command, Number, result, seed_option
from kdtalker_jax.streams import progress_bar

LONGEST = 3600.0  # seconds of a performance, which is held in memory
EPILOG = """
\b
Examples:
  python -m pipelines.synthesize --out world --performances 20 --seconds 3
  python -m pipelines.synthesize --out world --performances 300 --people_per_performance 2 --expressive 200
  python -m pipelines.synthesize --out world --performances 300 --recordings speech

The same options make the same world. An interrupted run goes on where it was when the same command is given again.
"""


@click.command(cls=Command, resumes=True, epilog=EPILOG)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The data set: a folder that is not there yet."
)
@click.option("--performances", default=100, show_default=True, type=click.IntRange(2), help="Spoken by someone each.")
@click.option(
    "--people_per_performance",
    default=2,
    show_default=True,
    type=click.IntRange(1),
    help="People who do and say the same; each gives a clip.",
)
@click.option("--seconds", default=4.0, show_default=True, type=Number(0.2, LONGEST), help="Length of a performance.")
@click.option(
    "--apart",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Draw every n-th frame of a performance, without its sound: pictures to train a renderer with.",
)
@click.option(
    "--expressive", default=0, show_default=True, type=click.IntRange(0), help="Further clips of unrelated faces."
)
@click.option(
    "--expressive_frames", default=32, show_default=True, type=click.IntRange(1), help="Frames of each of these."
)
@click.option("--size", default=256, show_default=True, type=click.IntRange(16), help="Pixels of a picture's side.")
@click.option(
    "--recordings", type=click.Path(path_type=Path), help="Folder of recordings that some performances speak."
)
@click.option("--recorded", default=0.3, show_default=True, type=Number(0, 1), help="Part of the performances that do.")
@click.option("--validation", default=0.1, show_default=True, type=Number(0, 0.9), help="Part that is held out.")
@click.option(
    "--look",
    default="plain",
    show_default=True,
    type=click.Choice(("plain", "varied")),
    help="Varied people are drawn as in photographs, near and far, and have feelings.",
)
@click.option(
    "--plain", default=0.0, show_default=True, type=Number(0, 1), help="Part of a varied world by plain people."
)
@seed_option("Another seed, another world.")
def main(out: Path, seconds: float, recordings: Path | None, **options: int | float) -> None:
    """Make a synthetic world: drawn heads that speak, whose motion and mouths are known exactly.

    Nobody who is held out for validation is seen or heard in training. Its fields are those of
    kdtalker_jax.synthetic.builder.World.
    """
    from kdtalker_jax.media.rates import FRAME_RATE
    from kdtalker_jax.synthetic.builder import build_world, open_world  # takes seconds: not needed for --help
    from kdtalker_jax.synthetic.clips import WorldOptions

    world = WorldOptions(frames=round(seconds * FRAME_RATE), recordings=recordings, **options)
    build_world(out, world, lambda plans: progress_bar(plans, f"Clips for {plans[0].split}", unit="clip"))
    lengths = {split: len(open_world(out, split)) for split in ("train", "validation")}
    sentence = ", ".join(f"{split}: {count} clips" for split, count in lengths.items())
    result(f"{out}\n{sentence}", output=out, clips=lengths)


if __name__ == "__main__":
    main()
