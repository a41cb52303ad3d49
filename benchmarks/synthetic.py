"""Speed of drawing the synthetic world: `python -m benchmarks.synthetic`."""

import time
from collections.abc import Callable
from functools import partial

import click
import jax
import numpy as np

from benchmarks.race import warn_if_busy
from kdtalker_jax.cli import Command
from kdtalker_jax.synthetic.clips import LOOKS, one_person
from kdtalker_jax.synthetic.drawing import draw_frames
from kdtalker_jax.synthetic.feelings import feel
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.state import State, neutral_state


@click.command(cls=Command)
@click.option("--size", "sizes", type=click.IntRange(16), multiple=True, default=(128, 256), show_default=True)
@click.option("--frames", type=click.IntRange(1), default=96, show_default=True, help="Of all people together.")
@click.option("--people", type=click.IntRange(1), default=6, show_default=True)
@click.option("--repeats", type=click.IntRange(1), default=3, show_default=True)
@click.option("--look", "looks", type=click.Choice(LOOKS), multiple=True, default=LOOKS, show_default=True)
def main(sizes: tuple[int, ...], frames: int, people: int, repeats: int, looks: tuple[str, ...]) -> None:
    """Print frames a second and processor time a frame, the best of some repeats, compilation left out."""
    for look in looks:
        crowd = [one_person(jax.random.key(number), look) for number in range(people)]
        states = neutral_state(max(1, frames // people))
        states = states._replace(yaw=np.linspace(-30, 30, len(states.yaw), dtype=np.float32))
        if look == "varied":
            states = feel(np.random.default_rng(0), states).states
        for size in sizes:
            draw_all = partial(_draw_all, crowd, states, size)
            draw_all()
            runs = [_timed(draw_all) for _ in range(repeats)]
            wall, busy = (min(run) / (people * len(states.yaw)) for run in zip(*runs, strict=True))
            click.echo(
                f"{look}, {size} x {size}: {1 / wall:.1f} frames a second, {busy * 1000:.1f} ms of processors each"
            )
    warn_if_busy()


def _draw_all(crowd: list[Person], states: State, size: int) -> None:
    for person in crowd:
        draw_frames(person, states, size)


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and those of all processors."""
    wall, busy = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - busy


if __name__ == "__main__":
    main()
