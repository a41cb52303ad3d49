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

from benchmarks.demo import playmate, sheets
from benchmarks.demo.actors import make_actor
from benchmarks.demo.probe import FaceProbe
from benchmarks.demo.program import program_rows, window_row
from benchmarks.demo.reenactment import reenactment
from benchmarks.demo.rows import Row
from benchmarks.demo.speech import Stage, motion_rows, mouth_rows, recording_rows, silence_rows
from benchmarks.demo.turning import leak_row, pose_row
from benchmarks.demo.unseen import unseen_people, unseen_performances
from benchmarks.race import describe_run, echo_table, json_option, write_json
from kdtalker_jax import demo
from kdtalker_jax.cli import Command
from kdtalker_jax.compilation import keep_compiled
from kdtalker_jax.diffusion.samplers import SAMPLERS
from kdtalker_jax.emotions import EMOTIONS
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
    drawings: int = 600  # of each speaker, that the judge of emotions learns from
    repeats: int = 5  # of what is timed


QUICK = Amount(people=4, shown=4, speakers=2, probe_states=200, long=3, seeds=2, seconds=4.0, drawings=200, repeats=2)
SYSTEMS = ("kdtalker", "playmate")


@click.command(cls=Command)
@click.option("--system", default="kdtalker", show_default=True, type=click.Choice(SYSTEMS), help="What is measured.")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Model to judge.  [default: as pipelines.sample]")
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
    system: str, checkpoint: Path | None, beside: Path | None, without_transfer: Path | None, recordings: Path | None,
    pictures: Path | None, sampler: str | None, quick: bool, json_file: Path | None,
) -> None:  # fmt: skip
    """Print what is measured on people and recordings not trained on, beside what is to be reached.

    Mouths and eyes are read in the pictures, by a probe that learns from drawings of the same person; emotions by
    judges that do.
    """
    if system == "playmate" and checkpoint is None:
        raise click.BadParameter("name a model of Playmate", param_hint="--checkpoint")
    if system == "kdtalker" and (beside or without_transfer):
        raise click.UsageError("--beside and --without_transfer are of --system playmate.")
    keep_compiled()
    rows, started = [], time.perf_counter()
    model = TalkingPortrait.load(checkpoint or demo.MODEL)
    if getattr(model.motion_model, "feels", False) != (system == "playmate"):
        raise click.BadParameter(f"{checkpoint or 'demo'} is no such model with emotions", param_hint="--system")
    if sampler:
        model.motion_model.sampler = sampler
    amount = QUICK if quick else Amount()
    if system == "kdtalker":
        blocks = measure(model, checkpoint, recordings, pictures, amount)
    else:
        others = TalkingPortrait.load(beside or demo.MODEL), without_transfer and TalkingPortrait.load(without_transfer)
        blocks = measure_feelings(model, checkpoint, *others, recordings, pictures, amount)
    for measured in blocks:
        rows += measured
        click.echo(f"{time.perf_counter() - started:4.0f} s: {measured[-1].quantity}", err=True)
    echo_table(("quantity", "reach", "measured", "reached"), [row.cells for row in rows])
    for row in rows:
        if "asked_by_judged" in row.numbers:
            click.echo("\nasked (rows) and judged (columns), shares of videos")
            echo_table(("", *EMOTIONS), playmate.confusion_table(row))
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

    speakers = actors[: amount.speakers]
    stage = Stage(model, speakers, [FaceProbe(actor.person, amount.probe_states) for actor in speakers])
    yield from speaking(stage, recordings, pictures, amount)

    yield motion_rows(model, actors[: amount.long], amount.seeds, long)
    yield about_program


def measure_feelings(
    model: TalkingPortrait,
    checkpoint: Path,
    beside: TalkingPortrait,
    without: TalkingPortrait | None,
    recordings: Path | None,
    pictures: Path | None,
    amount: Amount,
) -> Iterator[list[Row]]:
    """Rows about a model that feels, as they are measured, of people who do."""
    actors, states = playmate.make_actors(model, amount.speakers, SPEECH_FRAMES, amount.shown)
    speech = np.asarray(actors[0].performance.waveform)
    about_program = program_rows(checkpoint, actors[0].pictures[0], speech)  # first, as above
    yield [pose_row(model, actors), leak_row(model, actors, without)]

    cast = playmate.make_cast(model, actors, states, amount.drawings)
    for row in playmate.emotion_rows(cast):
        yield [row]
    if pictures:
        sheets.write(pictures, "emotions", playmate.sheet_of(cast))
    yield from speaking(cast.stage, recordings, pictures, amount, least=0.87)

    crowd, _ = playmate.make_actors(model, amount.long, SPEECH_FRAMES, 1)
    yield motion_rows(model, crowd, amount.seeds, unseen_performances(amount.long, LONG_FRAMES))
    yield [*about_program, window_row(model, beside, actors[0].pictures[0], amount.repeats)]


def speaking(
    stage: Stage, recordings: Path | None, pictures: Path | None, amount: Amount, least: float = 0.85
) -> Iterator[list[Row]]:
    """Rows about speech, silence and recordings."""
    rows, clips, limits = mouth_rows(stage, least)
    videos = {"speech": clips}
    yield rows
    rows, videos["silence"] = silence_rows(stage, amount.seconds, limits)
    yield rows
    rows, videos["recordings"] = recording_rows(stage, recordings, amount.seconds, limits)
    yield rows
    for name, clips in videos.items() if pictures else ():
        if clips:
            sheets.write_clips(pictures, name, clips)


if __name__ == "__main__":
    main()
