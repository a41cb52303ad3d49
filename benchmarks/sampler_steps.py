"""How far fewer steps are from the published 50 of ddim: `python -m benchmarks.sampler_steps --checkpoint DIR`."""

import tempfile
from pathlib import Path

import click
import numpy as np

from kdtalker_jax.cli import Command
from kdtalker_jax.diffusion.samplers import FEWEST_STEPS, SAMPLERS
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.motion.coefficients import normalise
from kdtalker_jax.placeholder import drawn_portrait, write_synthetic_speech
from kdtalker_jax.portrait import TalkingPortrait
from pipelines.sample import load_model


@click.command(cls=Command)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Converted model; else a small random one.")
@click.option("--source_image", help="Portrait, already cut to the face; else a drawn one.")
@click.option("--driven_audio", help="Recording; else four seconds of synthetic speech.")
@click.option("--steps", multiple=True, type=int, default=(3, 4, 5, 6, 8, 10, 20, 50), show_default=True)
@click.option("--seeds", default=2, show_default=True, help="At least 2: pairs of neighbours are compared.")
def main(
    checkpoint: Path | None, source_image: str | None, driven_audio: str | None, steps: tuple[int, ...], seeds: int
) -> None:
    """Print the distance to 50 steps of ddim, from the same noise, in units of the distance between two seeds.

    A distance is the root mean square over all frames and all 70 numbers, each normalised as the network sees it. Long
    recordings count what windows hand on to each other.
    """
    model = load_model(checkpoint)
    source = model.prepare(drawn_portrait() if source_image is None else source_image, crop="none")
    waveform = speech() if driven_audio is None else load_waveform(driven_audio)

    def motions(sampler: str, steps: int) -> np.ndarray:
        """(seeds, T, 70)"""
        return np.stack([sampled(model, source, waveform, sampler, steps, seed) for seed in range(seeds)])

    published = motions("ddim", 50)
    unit = rms(published[1:] - published[:-1])
    click.echo(f"{published.shape[1]} frames, {seeds} seeds, {unit:.3f} apart\n")
    click.echo("| steps | " + " | ".join(map(str, steps)) + " |\n|---|" + "---|" * len(steps))
    fewest = {}
    for name in SAMPLERS:
        counts = [count for count in steps if count >= FEWEST_STEPS.get(name, 1)]
        distances = {count: rms(motions(name, count) - published) / unit for count in counts}
        cells = [f"{distances[count]:.3f}" if count in distances else "" for count in steps]
        click.echo(f"| {name} | " + " | ".join(cells) + " |")
        near = [count for count, distance in distances.items() if distance < 0.1]
        fewest[name] = min(near) if near else None
    click.echo(f"\nfewest steps below a tenth: {fewest}")


def sampled(
    model: TalkingPortrait, source: object, waveform: np.ndarray, sampler: str, steps: int, seed: int
) -> np.ndarray:
    """Normalised motion (T, 70), not smoothed."""
    motion = model.animate(source, waveform, sampler=sampler, steps=steps, seed=seed, smooth=False)
    return normalise(motion.to_vector(), model.config.statistics)


def speech() -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        write_synthetic_speech(f"{folder}/speech.wav", 4.0)
        return load_waveform(f"{folder}/speech.wav")


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


if __name__ == "__main__":
    main()
