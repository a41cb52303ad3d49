"""The pictures of the demo model in the README: `python -m benchmarks.demo_pictures`."""

from pathlib import Path

import click
import imageio.v3 as imageio
import numpy as np

from benchmarks.demo.actors import film, speak
from kdtalker_jax import demo
from kdtalker_jax.cli import Command
from kdtalker_jax.faces.resizing import resize
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.spaces.keypoints import Motion

EVERY = 2  # of the frames, as GIFs know hundredths of seconds
SHEET = 8  # frames in a row


@click.command(cls=Command)
@click.option("--checkpoint", type=click.Path(path_type=Path), default=demo.MODEL, help="[default: the demo's]")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs"), show_default=True)
@click.option("--seconds", default=4.0, show_default=True)
@click.option("--size", default=160, show_default=True, help="Pixels of each head's side in the GIF.")
def main(checkpoint: Path, out: Path, seconds: float, size: int) -> None:
    """Let the demo's portraits speak, each with another seed, and write demo.gif and demo.png."""
    model = TalkingPortrait.load(checkpoint)
    videos = []
    for seed, portrait in enumerate(demo.PORTRAITS):
        source = model.prepare(portrait, crop="none")
        motion = speak(model, source, load_waveform(demo.RECORDINGS[seed % len(demo.RECORDINGS)]), seed)
        shown = Motion.from_vector(motion.to_vector()[: round(FRAME_RATE * seconds)])
        videos.append(film(model, source, model.drive(source, shown)))  # (F, S, S, 3)
    side_by_side = np.concatenate(
        [np.stack([resize(f, size, size) for f in video[::EVERY]]) for video in videos], axis=2
    )
    imageio.imwrite(out / "demo.gif", side_by_side, duration=1000 * EVERY // FRAME_RATE, loop=0)
    chosen = np.linspace(0, len(videos[0]) - 1, SHEET).astype(int)
    rows = [np.concatenate([resize(video[i], 128, 128) for i in chosen], axis=1) for video in videos]
    imageio.imwrite(out / "demo.png", np.concatenate(rows))
    click.echo(f"{out / 'demo.gif'}, {out / 'demo.png'}")


if __name__ == "__main__":
    main()
