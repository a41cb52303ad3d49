"""How far fewer steps are from the published 50 of ddim: `python -m benchmarks.sampler_steps --checkpoint DIR`."""

from collections.abc import Callable
from pathlib import Path

import click
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.race import describe_run, echo_table, json_option, write_json
from configs import SMALL
from kdtalker_jax import demo
from kdtalker_jax.choices import FEWEST_STEPS
from kdtalker_jax.cli import Command
from kdtalker_jax.diffusion.samplers import SAMPLERS, make_sampler, sample
from kdtalker_jax.diffusion.schedule import NoiseSchedule
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.spaces.keypoints import normalise

Motions = Callable[[str, int, int], np.ndarray]  # (sampler, steps, seed) -> normalised motion (T, 70)


@click.command(cls=Command)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Converted model; else a small random one.")
@click.option("--source_image", help="Portrait, already cut to the face; else a drawn one.")
@click.option("--driven_audio", help="Recording; else the demo's synthetic speech.")
@click.option("--gaussian", is_flag=True, help="Instead of a network, Gaussian data, whose noise is known exactly.")
@click.option("--steps", multiple=True, type=int, default=(3, 4, 5, 6, 8, 10, 20, 50), show_default=True)
@click.option("--seeds", default=2, show_default=True, help="At least 2: pairs of neighbours are compared.")
@json_option
def main(
    checkpoint: Path | None, source_image: str | None, driven_audio: str | None, gaussian: bool, steps: tuple[int, ...],
    seeds: int, json_file: Path | None,
) -> None:  # fmt: skip
    """Print the distance to 50 steps of ddim, from the same noise, in units of the distance between two seeds.

    A distance is the root mean square over all frames and all 70 numbers, each normalised as the network sees it. Long
    recordings count what windows hand on to each other.
    """
    motion_of = of_gaussian if gaussian else of_network(checkpoint, source_image, driven_audio)

    def motions(sampler: str, steps: int) -> np.ndarray:
        """(seeds, T, 70)"""
        return np.stack([motion_of(sampler, steps, seed) for seed in range(seeds)])

    published = motions("ddim", 50)
    unit = rms(published[1:] - published[:-1])
    click.echo(f"{published.shape[1]} frames, {seeds} seeds, {unit:.3f} apart\n")
    distances = {
        name: {
            count: rms(motions(name, count) - published) / unit for count in steps if count >= FEWEST_STEPS.get(name, 1)
        }
        for name in SAMPLERS
    }
    rows = [(name, *[f"{of[count]:.3f}" if count in of else "" for count in steps]) for name, of in distances.items()]
    echo_table(("steps", *steps), rows)
    fewest = {
        name: min((count for count, distance in of.items() if distance < 0.1), default=None)
        for name, of in distances.items()
    }
    click.echo(f"\nfewest steps below a tenth: {fewest}")
    run = describe_run("gaussian" if gaussian else str(checkpoint or SMALL.name), seeds=seeds)
    write_json(json_file, {**run, "distances": distances, "fewest": fewest})


def of_network(checkpoint: Path | None, source_image: str | None, driven_audio: str | None) -> Motions:
    """Motion of a recording, not smoothed."""
    model = TalkingPortrait.load(checkpoint or demo.MODEL)
    source = model.prepare(source_image or demo.PORTRAITS[0], crop="none")
    waveform = load_waveform(driven_audio or demo.RECORDINGS[0])

    def motion_of(sampler: str, steps: int, seed: int) -> np.ndarray:
        motion = model.animate(source, waveform, sampler=sampler, steps=steps, seed=seed, smooth=False)
        return normalise(motion.to_vector(), model.config.statistics)

    return motion_of


def of_gaussian(sampler: str, steps: int, seed: int) -> np.ndarray:
    """A window of numbers that are independent and Gaussian, with deviations from 0.02 to 1.2."""
    shape = SMALL.denoiser.window, SMALL.denoiser.motion_size
    alpha_bars = jnp.asarray(NoiseSchedule().alpha_bars, jnp.float32)
    deviation = jnp.geomspace(0.02, 1.2, shape[1])  # (70,), around a mean of 0

    def noise(x: jax.Array, time: jax.Array) -> jax.Array:
        signal = alpha_bars[time]
        variance = signal * deviation**2 + 1 - signal
        return jnp.sqrt(1 - signal) * x / variance

    of_start, of_sampler = jax.random.split(jax.random.key(seed))
    x_T = jax.random.normal(of_start, shape)
    return np.asarray(sample(noise, make_sampler(sampler, steps), x_T, key=of_sampler))


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


if __name__ == "__main__":
    main()
