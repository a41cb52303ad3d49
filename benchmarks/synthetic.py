"""Speed of drawing the synthetic world: `python -m benchmarks.synthetic`."""

import time

import click
import jax
import numpy as np

from benchmarks.race import warn_if_busy
from kdtalker_jax.cli import Command
from kdtalker_jax.synthetic.drawing import draw_frames
from kdtalker_jax.synthetic.people import random_people
from kdtalker_jax.synthetic.state import neutral_state


@click.command(cls=Command)
@click.option("--size", "sizes", type=click.IntRange(16), multiple=True, default=(128, 256), show_default=True)
@click.option("--frames", type=click.IntRange(1), default=96, show_default=True)
@click.option("--repeats", type=click.IntRange(1), default=3, show_default=True)
def main(sizes: tuple[int, ...], frames: int, repeats: int) -> None:
    """Print frames a second, the best of some repeats, compilation left out."""
    person = jax.tree.map(lambda field: field[0], random_people(jax.random.key(0), 1))
    states = neutral_state(frames)._replace(yaw=np.linspace(-30, 30, frames, dtype=np.float32))
    for size in sizes:
        draw_frames(person, states, size)
        seconds = []
        for _ in range(repeats):
            start = time.perf_counter()
            draw_frames(person, states, size)
            seconds.append(time.perf_counter() - start)
        click.echo(f"{size} x {size}: {frames / min(seconds):.1f} frames a second")
    warn_if_busy()


if __name__ == "__main__":
    main()
