"""What is measured of the demo model of each system, in blocks of rows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.demo import playmate, sheets
from benchmarks.demo.actors import make_actor
from benchmarks.demo.painted import beside_row, painted_rows
from benchmarks.demo.probe import FaceProbe
from benchmarks.demo.program import program_rows, window_row
from benchmarks.demo.reenactment import reenactment
from benchmarks.demo.rows import Row
from benchmarks.demo.sitters import Painter
from benchmarks.demo.speech import Stage, motion_rows, mouth_rows, recording_rows, silence_rows
from benchmarks.demo.turning import leak_row, pose_row
from benchmarks.demo.unseen import as_seen, unseen_people, unseen_performances
from kdtalker_jax import demo
from kdtalker_jax.media.rates import SAMPLES_PER_FRAME
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.renderers.protocol import can_repaint

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


@dataclass(frozen=True)
class Asked:
    """What is to be measured.

    Attributes:
        checkpoint: of the model; None: the package's.
        recordings: folder of real speech, if there is one.
        pictures: folder that sheets are written to, if they are.
        look: of the people, of KDTalker's demo; those of the other systems are varied.
        beside: of Playmate, KDTalker's demo. without_transfer: model whose renderer never saw the transfer loss.
    """

    model: TalkingPortrait
    checkpoint: Path | None
    recordings: Path | None
    pictures: Path | None
    amount: Amount
    look: str = "plain"
    beside: TalkingPortrait | None = None
    without_transfer: TalkingPortrait | None = None


def kdtalker_rows(asked: Asked) -> Iterator[list[Row]]:
    """Rows, as they are measured."""
    model, amount, pictures = asked.model, asked.amount, asked.pictures
    seen = partial(as_seen, asked.look)
    people = unseen_people(amount.people, asked.look)
    performances = [
        performance._replace(states=seen(performance.states))
        for performance in unseen_performances(amount.people, SPEECH_FRAMES)
    ]
    actors = [
        make_actor(model, person, performance, amount.shown)
        for person, performance in zip(people, performances, strict=True)
    ]
    long = unseen_performances(amount.long, LONG_FRAMES)
    speech = np.asarray(long[0].waveform[: SPEECH_FRAMES * SAMPLES_PER_FRAME])
    # First: where it fails, all is in vain.
    about_program = program_rows(asked.checkpoint, actors[0].pictures[0], speech)
    rows, takes = reenactment(model, actors, asked.look)
    for name, of_kind in takes.items() if pictures else ():
        sheets.write_takes(pictures, name, of_kind)
    yield rows

    speakers = actors[: amount.speakers]
    stage = Stage(model, speakers, [FaceProbe(actor.person, amount.probe_states, camera=seen) for actor in speakers])
    yield from speaking(stage, asked)

    yield motion_rows(model, actors[: amount.long], amount.seeds, long)
    yield about_program


def playmate_rows(asked: Asked) -> Iterator[list[Row]]:
    """Rows about a model that feels, as they are measured, of people who do."""
    model, amount, pictures = asked.model, asked.amount, asked.pictures
    actors, states = playmate.make_actors(model, amount.speakers, SPEECH_FRAMES, amount.shown)
    speech = np.asarray(actors[0].performance.waveform)
    about_program = program_rows(asked.checkpoint, actors[0].pictures[0], speech)  # first, as above
    yield [pose_row(model, actors), leak_row(model, actors, asked.without_transfer)]

    cast = playmate.make_cast(model, actors, states, amount.drawings)
    for row in playmate.emotion_rows(cast):
        yield [row]
    if pictures:
        sheets.write(pictures, "emotions", playmate.sheet_of(cast))
    yield from speaking(cast.stage, asked, least=0.87)

    crowd, _ = playmate.make_actors(model, amount.long, SPEECH_FRAMES, 1)
    yield motion_rows(model, crowd, amount.seeds, unseen_performances(amount.long, LONG_FRAMES))
    yield [*about_program, window_row(model, asked.beside, actors[0].pictures[0], amount.repeats)]


def dreamhead_rows(asked: Asked) -> Iterator[list[Row]]:
    """Rows about mouths that are painted, as they are measured; then the other systems' models on the same speech."""
    amount, painter = asked.amount, Painter(asked.model)
    sitters = painter.sitters(amount.speakers, SPEECH_FRAMES, "varied", amount.probe_states)
    yield from painted_rows(painter, sitters, amount.seconds, asked.pictures)
    for name in demo.MODELS:
        other = TalkingPortrait.load(name)
        if not can_repaint(other.renderer):
            yield [beside_row(name, other, sitters)]


def speaking(stage: Stage, asked: Asked, least: float = 0.85) -> Iterator[list[Row]]:
    """Rows about speech, silence and recordings."""
    pictures, seconds = asked.pictures, asked.amount.seconds
    rows, clips, limits = mouth_rows(stage, least)
    videos = {"speech": clips}
    yield rows
    rows, videos["silence"] = silence_rows(stage, seconds, limits)
    yield rows
    rows, videos["recordings"] = recording_rows(stage, asked.recordings, seconds, limits)
    yield rows
    for name, clips in videos.items() if pictures else ():
        if clips:
            sheets.write_clips(pictures, name, clips)


SYSTEMS: Mapping[str, Callable[[Asked], Iterator[list[Row]]]] = {
    "kdtalker": kdtalker_rows,
    "playmate": playmate_rows,
    "dreamhead": dreamhead_rows,
}
