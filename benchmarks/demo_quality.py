"""What the demo model reaches, on people and speech that it has not seen: `python -m benchmarks.demo_quality`.

The synthetic world knows the truth, so that pictures are compared with what they should show, and mouths with what was
said. Takes some minutes on two cores.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks.demo import sheets
from benchmarks.demo.actors import make_actor
from benchmarks.demo.program import program_rows
from benchmarks.demo.reenactment import reenactment
from benchmarks.demo.rows import Row
from benchmarks.demo.speech import Stage, motion_rows, mouth_rows, recording_rows, silence_rows
from benchmarks.demo.unseen import unseen_people, unseen_performances
from benchmarks.race import describe_run, echo_table, json_option, write_json
from kdtalker_jax import demo
from kdtalker_jax.cli import Command
from kdtalker_jax.compilation import keep_compiled
from kdtalker_jax.diffusion.samplers import SAMPLERS
from kdtalker_jax.media.rates import SAMPLES_PER_FRAME
from kdtalker_jax.portrait import TalkingPortrait

SPEECH_FRAMES, LONG_FRAMES = 100, 200  # of a performance that is rendered, and of one whose motion is enough


@dataclass(frozen=True)
class Amount:
    """How much is measured."""

    people: int = 24
    shown: int = 8  # frames of each
    speakers: int = 6
    probe_states: int = 400
    long: int = 24  # people who speak longer
    seeds: int = 2
    seconds: float = 8.0  # of silence, and at most of each recording


QUICK = Amount(people=4, shown=4, speakers=2, probe_states=200, long=3, seeds=2, seconds=4.0)


@click.command(cls=Command)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Model to judge.  [default: as pipelines.sample]")
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
    checkpoint: Path | None, recordings: Path | None, pictures: Path | None, sampler: str | None, quick: bool,
    json_file: Path | None,
) -> None:  # fmt: skip
    """Print what is measured on people and recordings not trained on, beside what is to be reached.

    Mouths and eyes are read in the pictures, by a probe that learns from drawings of the same person.
    """
    keep_compiled()
    rows, started = [], time.perf_counter()
    model = TalkingPortrait.load(checkpoint or demo.MODEL)
    if sampler:
        model.motion_model.sampler = sampler
    for measured in measure(model, checkpoint, recordings, pictures, QUICK if quick else Amount()):
        rows += measured
        click.echo(f"{time.perf_counter() - started:4.0f} s: {measured[-1].quantity}", err=True)
    echo_table(("quantity", "reach", "measured", "reached"), [row.cells for row in rows])
    run = describe_run(str(checkpoint or "default"), quick=quick, sampler=model.motion_model.sampler)
    write_json(json_file, {**run, "rows": [row._asdict() for row in rows]})


def measure(
    model: TalkingPortrait, checkpoint: Path | None, recordings: Path | None, pictures: Path | None, amount: Amount
) -> Iterator[list[Row]]:
    """Rows, as they are measured."""
    people = unseen_people(amount.people)
    performances = unseen_performances(amount.people, SPEECH_FRAMES)
    actors = [
        make_actor(model, person, performance, amount.shown)
        for person, performance in zip(people, performances, strict=True)
    ]
    long = unseen_performances(amount.long, LONG_FRAMES)
    speech = np.asarray(long[0].waveform[: SPEECH_FRAMES * SAMPLES_PER_FRAME])
    about_program = program_rows(checkpoint, actors[0].pictures[0], speech)  # first: where it fails, all is in vain
    rows, takes = reenactment(model, actors)
    for name, of_kind in takes.items() if pictures else ():
        sheets.write_takes(pictures, name, of_kind)
    yield rows

    stage = Stage(model, actors[: amount.speakers], amount.probe_states)
    rows, clips, limits = mouth_rows(stage)
    videos = {"speech": clips}
    yield rows
    rows, videos["silence"] = silence_rows(stage, amount.seconds, limits)
    yield rows
    rows, videos["recordings"] = recording_rows(stage, recordings, amount.seconds, limits)
    yield rows
    for name, clips in videos.items() if pictures else ():
        if clips:
            sheets.write_clips(pictures, name, clips)

    yield motion_rows(model, actors[: amount.long], amount.seeds, long)
    yield about_program


if __name__ == "__main__":
    main()
