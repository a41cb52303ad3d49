"""What the steps after the frames cost beside rendering: `python -m benchmarks.compositing`."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import click
import cv2
import numpy as np

from benchmarks.race import describe_run, json_option, write_json
from kdtalker_jax import demo
from kdtalker_jax.cli import Command
from kdtalker_jax.compilation import keep_compiled
from kdtalker_jax.compositing.finish import Finish
from kdtalker_jax.faces.crop import Crop
from kdtalker_jax.faces.detector import Box
from kdtalker_jax.faces.resizing import resize
from kdtalker_jax.media.image import read_image
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.source import Source
from kdtalker_jax.spaces.keypoints import Motion

STEPS = {
    "paste back": {"paste_back": True},
    "paste back, matched colours": {"paste_back": True, "match_colours": True},
    "a colour behind": {"background": "navy"},
    "a picture behind, pasted back": {"background": demo.PORTRAITS[1], "paste_back": True},
    "transparent, pasted back": {"background": "transparent", "paste_back": True},
    "another size": {"size": 384},
    "beside a driver": {"compare": demo.PORTRAITS[1]},
}
SIZES = {"1280 x 960": (960, 1280), "3840 x 2160": (2160, 3840)}  # of whole pictures: height and width


@click.command(cls=Command)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Converted model; else the one in the package.")
@click.option("--frames", default=3, show_default=True, help="Rendered, and finished by each step.")
@json_option
def main(checkpoint: Path | None, frames: int, json_file: Path | None) -> None:
    """Processor time of a frame that is rendered, and of each step after it, with its share of rendering.

    Of all threads together, so that whatever else the machine does changes little.
    """
    keep_compiled()
    model = TalkingPortrait.load(checkpoint or demo.MODEL)
    source = model.prepare(demo.PORTRAITS[0], crop="none")
    motion = Motion.from_vector(np.repeat(source.motion.to_vector(), frames, axis=0))
    motion = model.drive(source, motion)
    list(model.render(source, motion[:1], batch_size=1))  # compiles
    started, batches = time.process_time(), list(model.render(source, motion, batch_size=1))
    rendering = (time.process_time() - started) / frames
    size = batches[0].shape[1]
    click.echo(f"rendering {size} x {size}: {1000 * rendering:.0f} ms a frame")
    found = {}
    for name, (height, width) in SIZES.items():
        whole = in_a_room(source, height, width, round(0.6 * height))
        for step, asked in STEPS.items():
            found[f"{step}, {name}"] = seconds_of(lambda s=whole, a=asked: Finish(**a).applied(s, iter(batches)))
    for step, seconds in found.items():
        click.echo(f"{step:50} {1000 * seconds:7.1f} ms  {100 * seconds / rendering:6.1f} %")
    run = describe_run(model.config.name, frames=frames, size=size)
    write_json(json_file, {**run, "rendering": rendering, "steps": found})


def seconds_of(start: Callable[[], Iterator[np.ndarray]]) -> float:
    """Of a frame, without the first, which computes what is the same for all."""
    steps = start()
    next(steps)
    times = []
    while True:
        started = time.process_time()
        if next(steps, None) is None:
            return median(times)
        times.append(time.process_time() - started)


def in_a_room(source: Source, height: int, width: int, side: int) -> Source:
    """A drawn portrait as if it had been cut out of a larger picture, of which it is the lower middle."""
    region = Box((width - side) // 2, height - side, (width - side) // 2 + side, height)
    face = resize(read_image(demo.PORTRAITS[0]), side, side)
    beside = (width - side - region.left, height - side)
    picture = cv2.copyMakeBorder(face, beside[1], 0, region.left, beside[0], cv2.BORDER_REPLICATE)
    picture[:] = cv2.GaussianBlur(picture, (0, 0), side / 20)
    picture[region.top :, region.left : region.right] = face
    return replace(source, picture=picture, alpha=None, crop=Crop(source.image, region))


if __name__ == "__main__":
    main()
