"""What some choices of DreamHead are worth, each beside another one: `python -m benchmarks.dreamhead_choices`.

On drawn people and speech that no model in the package was trained on.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np

from benchmarks.demo.measures import border_jumps, following
from benchmarks.demo.sitters import Painter, Sitter
from benchmarks.demo.unseen import unseen_performances
from benchmarks.race import describe_run, echo_table, json_option, write_json
from kdtalker_jax.cli import Command
from kdtalker_jax.compilation import keep_compiled
from kdtalker_jax.hub.names import find_model
from kdtalker_jax.media.rates import SAMPLES_PER_FRAME
from kdtalker_jax.metrics.changes import compare_mouths
from kdtalker_jax.portrait import TalkingPortrait

FRAMES, LONG_FRAMES = 60, 224  # of what is painted, and of speech whose landmarks are enough
RENDERINGS = {
    "5 steps, the first frame as reference": {"steps": 5},
    "the frame before as reference": {"steps": 5, "reference": "previous"},
    "20 steps": {"steps": 20},
    "50 steps": {"steps": 50},
}


class Line(NamedTuple):
    """One choice, and what it comes to."""

    choice: str
    measured: str
    numbers: dict[str, float]


@click.command(cls=Command)
@click.option("--checkpoint", required=True, help="Model of DreamHead.")
@click.option("--people", default=3, show_default=True, type=click.IntRange(1), help="Who speak.")
@json_option
def main(checkpoint: str, people: int, json_file: Path | None) -> None:
    """Print what frames and landmarks are like with the model's choices, and with others.

    Frames are painted by true landmarks, so that each line is about its choice alone.
    """
    keep_compiled()
    directory = find_model(checkpoint)
    painter = Painter(TalkingPortrait.load(directory))
    sitters = painter.sitters(people, FRAMES, "varied", 200)
    lines = [*painted_lines(directory, sitters), *moved_lines(painter, sitters), *window_lines(painter, sitters)]
    echo_table(("choice", "measured"), [line[:2] for line in lines])
    write_json(json_file, {**describe_run(checkpoint, people=people), "lines": [line._asdict() for line in lines]})


def painted_lines(directory: Path, sitters: Sequence[Sitter]) -> Iterator[Line]:
    """How mouths are painted."""

    def videos(**rendering: object) -> list[np.ndarray]:
        painter = Painter(TalkingPortrait.load(directory, rendering=rendering))
        return [painter.paint(sitter, sitter.points) for sitter in sitters]

    made = {name: videos(**rendering) for name, rendering in RENDERINGS.items()}
    usual = next(iter(made.values()))
    made["another noise in every second frame"] = [
        np.where(np.arange(len(one))[:, None, None, None] % 2 == 0, one, other)
        for one, other in zip(usual, videos(steps=5, seed=1), strict=True)
    ]
    for name, painted in made.items():
        pairs = zip(painted, sitters, strict=True)
        found = [compare_mouths(video[1:], sitter.pictures[1:], sitter.boxes[1:]) for video, sitter in pairs]
        psnr, flicker = (float(np.mean([getattr(of, field) for of in found])) for field in ("psnr", "flicker"))
        yield Line(name, f"PSNR inside {psnr:.2f} dB, flicker {flicker:.2f}", {"psnr": psnr, "flicker": flicker})


def moved_lines(painter: Painter, sitters: Sequence[Sitter]) -> Iterator[Line]:
    """Which landmarks sound moves."""
    for moved in ("all", "mouth"):
        read = []
        for seed, sitter in enumerate(sitters):
            motion = painter.model.animate(sitter.source, sitter.performance.waveform, seed=seed, moved=moved)
            read.append(sitter.read(np.concatenate(list(painter.model.render(sitter.source, motion)))))
        found = following(read, [sitter.opening for sitter in sitters])
        yield Line(
            f"moved: {moved}", f"opening read in a portrait's frames: r = {found.pooled:.3f}", {"r": found.pooled}
        )


def window_lines(painter: Painter, sitters: Sequence[Sitter]) -> Iterator[Line]:
    """Whether windows know the frames before them."""
    length = painter.model.motion_model.length
    jumps: dict[str, list[np.ndarray]] = {"windows know eight frames before": [], "each window by itself": []}
    speech = unseen_performances(len(sitters), LONG_FRAMES)
    samples = length * SAMPLES_PER_FRAME
    for seed, (sitter, performance) in enumerate(zip(sitters, speech, strict=True)):
        whole = np.asarray(performance.waveform)
        pieces = [whole[at : at + samples] for at in range(0, len(whole), samples)]
        made = {
            name: np.concatenate([painter.speak(sitter, part, seed).offsets for part in parts])
            for name, parts in zip(jumps, ([whole], pieces), strict=True)
        }
        for name, offsets in made.items():
            jumps[name].append(border_jumps(offsets.reshape(len(offsets), -1), length))
    for name, found in jumps.items():
        mean, most = (float(of(np.concatenate(found))) for of in (np.mean, np.max))
        yield Line(
            name, f"step at a border {mean:.2f} of the median step, at most {most:.2f}", {"mean": mean, "most": most}
        )


if __name__ == "__main__":
    main()
