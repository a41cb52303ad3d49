"""How much of rendering and encoding happens at the same time: `python -m benchmarks.overlap --checkpoint DIR`."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from benchmarks.race import describe_run, json_option, write_json
from kdtalker_jax import demo
from kdtalker_jax.cli import Command
from kdtalker_jax.media.video import VideoWriter
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.spaces.keypoints import Motion


@click.command(cls=Command)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Converted model; else a small random one.")
@click.option("--frames", default=24, show_default=True, help="Frames of the video.")
@click.option("--batch_size", type=int, help="As in pipelines.sample.")
@click.option("--repeats", default=3, show_default=True, help="Runs of each, of which the median counts.")
@json_option
def main(checkpoint: Path | None, frames: int, batch_size: int | None, repeats: int, json_file: Path | None) -> None:
    """Seconds of rendering alone, of encoding alone and of both, and the share of the shorter one that is hidden."""
    model = TalkingPortrait.load(checkpoint or demo.MODEL)
    source = model.prepare(demo.PORTRAITS[0], crop="none")
    motion = Motion.from_vector(np.repeat(source.motion.to_vector(), frames, axis=0))
    motion = model.drive(source, motion)
    batches = list(model.render(source, motion, batch_size=batch_size))  # compiles as well

    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "video.mp4"
        rendering = median_seconds(lambda: list(model.render(source, motion, batch_size=batch_size)), repeats)
        encoding = median_seconds(lambda: encode(batches, video), repeats)
        both = median_seconds(lambda: model.write(source, motion, video, None, batch_size=batch_size), repeats)
    hidden = (rendering + encoding - both) / min(rendering, encoding)
    click.echo(f"{frames} frames: rendering {rendering:.2f} s, encoding {encoding:.2f} s, together {both:.2f} s")
    click.echo(f"hidden: {100 * hidden:.0f} % of the shorter one")
    seconds = {"rendering": rendering, "encoding": encoding, "both": both}
    run = describe_run(model.config.name, frames=frames, batch_size=batch_size, repeats=repeats)
    write_json(json_file, {**run, "seconds": seconds, "hidden": hidden})


def encode(batches: list[np.ndarray], path: Path) -> None:
    with VideoWriter(path) as video:
        for frames in batches:
            video.write(frames)


def median_seconds(function: Callable[[], object], repeats: int) -> float:
    def once() -> float:
        started = time.perf_counter()
        function()
        return time.perf_counter() - started

    return float(np.median([once() for _ in range(repeats)]))


if __name__ == "__main__":
    main()
