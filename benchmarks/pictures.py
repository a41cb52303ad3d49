"""The pictures of docs/driving.md, editing.md and portraits.md: `python -m benchmarks.pictures --out docs`."""

from pathlib import Path

import click
import numpy as np
from PIL import Image

from benchmarks.compositing import in_a_room
from kdtalker_jax import demo
from kdtalker_jax.cli import Command
from kdtalker_jax.compilation import keep_compiled
from kdtalker_jax.compositing.finish import Finish
from kdtalker_jax.faces.resizing import resize
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.source import Source
from kdtalker_jax.sources.driver import Driver
from kdtalker_jax.spaces.keypoints import Motion

SHOWN = 160  # pixels of their height
REGIONS = ("all", "pose", "exp", "lip", "all,-lip")
EDITS = ("mouth=60", "blink=-20", "wink=30", "yaw=20", "mouth=50,blink=-20,roll=12")


@click.command(cls=Command)
@click.option("--out", default="docs", show_default=True, type=click.Path(path_type=Path), help="Folder.")
def main(out: Path) -> None:
    """Write the documentation's pictures, with the model in the package."""
    keep_compiled()
    model = TalkingPortrait.load(demo.MODEL)
    source = model.prepare(demo.PORTRAITS[0], crop="none")
    rows = {"driving_regions": driven(model, source), "editing_sliders": edited(model, source)}
    rows |= finished(model, source)
    out.mkdir(parents=True, exist_ok=True)
    for name, row in rows.items():
        widths = [round(picture.shape[1] * SHOWN / len(picture)) for picture in row]
        strip = [resize(picture, SHOWN, width) for picture, width in zip(row, widths, strict=True)]
        Image.fromarray(np.concatenate(strip, axis=1)).save(out / f"{name}.jpg", quality=85)
        click.echo(f"{out / name}.jpg")


def rendered(model: TalkingPortrait, source: Source, motion: Motion) -> list[np.ndarray]:
    return list(np.concatenate(list(model.render(source, motion, batch_size=1))))


def driven(model: TalkingPortrait, source: Source) -> list[np.ndarray]:
    """A driver who turns and speaks, and what of it each set of regions takes over."""
    actor = model.prepare(demo.PORTRAITS[1], crop="none")
    spoken = model.animate(actor, demo.RECORDINGS[0])
    loudest = int(np.argmax(np.abs(spoken.exp - actor.own.motion.exp).mean(axis=1)))
    vectors = np.concatenate([actor.motion.to_vector(), spoken[loudest].to_vector()])
    vectors[1, 1:4] = vectors[0, 1:4] + (18, 4, 6)  # degrees
    motion = model.drive(actor, Motion.from_vector(vectors))
    taken = [model.reenact(source, Driver(motion), regions=regions)[1:] for regions in REGIONS]
    return [rendered(model, actor, motion)[1], *(rendered(model, source, one)[0] for one in taken)]


def edited(model: TalkingPortrait, source: Source) -> list[np.ndarray]:
    """The portrait as the model renders it, and with each edit."""
    own = Motion.from_vector(source.motion.to_vector())
    return [rendered(model, source, model.drive(source, own, edits=edits))[0] for edits in (None, *EDITS)]


def finished(model: TalkingPortrait, source: Source) -> dict[str, list[np.ndarray]]:
    """A drawn portrait in a room, pasted back, before other backgrounds, and beside its driver."""
    vectors = np.repeat(source.motion.to_vector(), 3, axis=0)
    vectors[1:, 1] += (8, -10)  # degrees of yaw
    frames = np.stack(rendered(model, source, model.drive(source, Motion.from_vector(vectors))))
    room = in_a_room(source, 240, 320, 192)

    def shown(**asked: object) -> list[np.ndarray]:
        return [batch[0] for batch in Finish(**asked).applied(room, iter([frames]))]

    wall = np.tile(np.linspace(60, 220, 320)[None, :, None], (240, 1, 3)) * (0.5, 0.8, 1.0)
    clear = shown(paste_back=True, background="transparent")[1]
    y, x = np.mgrid[: clear.shape[0], : clear.shape[1]]
    checked = np.where(((x // 12 + y // 12) % 2)[..., None], 255, 200)
    share = clear[..., 3:] / 255
    return {
        "portraits_paste": [room.picture, *shown(paste_back=True)],
        "portraits_background": [
            shown(paste_back=True, background="#8fbf7f")[1],
            shown(paste_back=True, background=wall.astype(np.uint8))[2],
            (clear[..., :3] * share + checked * (1 - share)).astype(np.uint8),
        ],
        "portraits_compare": shown(compare=demo.PORTRAITS[1])[:2],
    }


if __name__ == "__main__":
    main()
