"""The pictures of the models in the package in the README: `python -m benchmarks.demo_pictures`."""

from pathlib import Path

import click
import cv2
import imageio.v3 as imageio
import numpy as np

from benchmarks.demo.actors import film, speak
from kdtalker_jax import demo
from kdtalker_jax.cli import Command
from kdtalker_jax.emotions import EMOTIONS
from kdtalker_jax.faces.resizing import resize
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.spaces.keypoints import Motion

EVERY = 2  # of the frames, as GIFs know hundredths of seconds
SHEET = 8  # frames in a row
FELT = 3.76  # seconds after which a feeling is shown
GUIDANCE = 6.0  # by the emotion: at 1.5, the default, feelings are faint
FELT_SIZE = 192  # pixels of its side


@click.command(cls=Command)
@click.option("--checkpoint", type=click.Path(path_type=Path), default=demo.MODEL, help="[default: the demo's]")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs"), show_default=True)
@click.option("--seconds", default=4.0, show_default=True)
@click.option("--size", default=160, show_default=True, help="Pixels of each head's side in the GIF.")
def main(checkpoint: Path, out: Path, seconds: float, size: int) -> None:
    """Let the demo's portraits speak, each with another seed, and write demo.gif and demo.png; let one of them feel, by
    the package's model of Playmate, and write emotions.jpg.
    """
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
    imageio.imwrite(out / "emotions.jpg", feelings(TalkingPortrait.load(demo.PLAYMATE)), quality=88)
    click.echo(f"{out / 'demo.gif'}, {out / 'demo.png'}, {out / 'emotions.jpg'}")


def feelings(model: TalkingPortrait) -> np.ndarray:
    """One portrait at one moment of one recording in each emotion, named, in two rows."""
    source = model.prepare(demo.PORTRAITS[1], crop="none")
    waveform, shown, tiles = load_waveform(demo.RECORDINGS[0]), round(FELT * FRAME_RATE), []
    for emotion in EMOTIONS:
        motion = model.animate(source, waveform, emotion=emotion, emotion_guidance=GUIDANCE)
        tile = resize(film(model, source, motion[shown : shown + 1])[0], FELT_SIZE, FELT_SIZE).copy()
        cv2.putText(tile, emotion, (6, FELT_SIZE - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
        tiles.append(tile)
    half = len(tiles) // 2
    return np.concatenate([np.concatenate(row, axis=1) for row in (tiles[:half], tiles[half:])])


if __name__ == "__main__":
    main()
