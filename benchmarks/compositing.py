"""What the steps after the frames cost beside rendering, and their pictures: `python -m benchmarks.compositing`."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import click
import cv2
import numpy as np
from PIL import Image

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
SHOWN = 160  # pixels of the height of the documentation's pictures


@click.command(cls=Command)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Converted model; else the one in the package.")
@click.option("--frames", default=3, show_default=True, help="Rendered, and finished by each step.")
@click.option("--pictures", type=click.Path(path_type=Path), help="Write the documentation's pictures to this folder.")
@json_option
def main(checkpoint: Path | None, frames: int, pictures: Path | None, json_file: Path | None) -> None:
    """Milliseconds of a frame that is rendered, and of each step after it, with its share of rendering."""
    keep_compiled()
    model = TalkingPortrait.load(checkpoint or demo.MODEL)
    if pictures:
        write_pictures(model, pictures)
        return
    source = model.prepare(demo.PORTRAITS[0], crop="none")
    motion = Motion.from_vector(np.repeat(source.motion.to_vector(), frames, axis=0))
    motion = model.drive(source, motion)
    list(model.render(source, motion[:1], batch_size=1))  # compiles
    started, batches = time.perf_counter(), list(model.render(source, motion, batch_size=1))
    rendering = (time.perf_counter() - started) / frames
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
        started = time.perf_counter()
        if next(steps, None) is None:
            return median(times)
        times.append(time.perf_counter() - started)


def in_a_room(source: Source, height: int, width: int, side: int) -> Source:
    """A drawn portrait as if it had been cut out of a larger picture, of which it is the lower middle."""
    region = Box((width - side) // 2, height - side, (width - side) // 2 + side, height)
    face = resize(read_image(demo.PORTRAITS[0]), side, side)
    beside = (width - side - region.left, height - side)
    picture = cv2.copyMakeBorder(face, beside[1], 0, region.left, beside[0], cv2.BORDER_REPLICATE)
    picture[:] = cv2.GaussianBlur(picture, (0, 0), side / 20)
    picture[region.top :, region.left : region.right] = face
    return replace(source, picture=picture, alpha=None, crop=Crop(source.image, region))


def write_pictures(model: TalkingPortrait, folder: Path) -> None:
    """A drawn portrait in a room, pasted back, before other backgrounds, and beside its driver."""
    source = model.prepare(demo.PORTRAITS[0], crop="none")
    vectors = np.repeat(source.motion.to_vector(), 3, axis=0)
    vectors[1:, 1] += (8, -10)  # degrees of yaw
    motion = model.drive(source, Motion.from_vector(vectors))
    frames = np.concatenate(list(model.render(source, motion, batch_size=1)))
    room = in_a_room(source, 240, 320, 192)

    def shown(**asked: object) -> list[np.ndarray]:
        return [batch[0] for batch in Finish(**asked).applied(room, iter([frames]))]

    wall = np.tile(np.linspace(60, 220, 320)[None, :, None], (240, 1, 3)) * (0.5, 0.8, 1.0)
    clear = shown(paste_back=True, background="transparent")[1]
    y, x = np.mgrid[: clear.shape[0], : clear.shape[1]]
    checked = np.where(((x // 12 + y // 12) % 2)[..., None], 255, 200)
    share = clear[..., 3:] / 255
    rows = {
        "portraits_paste": [room.picture, *shown(paste_back=True)],
        "portraits_background": [
            shown(paste_back=True, background="#8fbf7f")[1],
            shown(paste_back=True, background=wall.astype(np.uint8))[2],
            (clear[..., :3] * share + checked * (1 - share)).astype(np.uint8),
        ],
        "portraits_compare": shown(compare=demo.PORTRAITS[1])[:2],
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, row in rows.items():
        widths = [round(picture.shape[1] * SHOWN / len(picture)) for picture in row]
        strip = [resize(picture, SHOWN, width) for picture, width in zip(row, widths, strict=True)]
        Image.fromarray(np.concatenate(strip, axis=1)).save(folder / f"{name}.jpg", quality=85)
        click.echo(f"{folder / name}.jpg")


if __name__ == "__main__":
    main()
