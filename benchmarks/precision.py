"""What bfloat16 costs: `python -m benchmarks.precision --checkpoint DIR --source_image A.png --driven_audio B.wav`."""

from pathlib import Path

import click
import numpy as np

from benchmarks.race import describe_run, json_option, write_json
from kdtalker_jax.cli import Command
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.spaces.keypoints import Motion


@click.command(cls=Command)
@click.option("--checkpoint", required=True, type=click.Path(path_type=Path), help="Converted model.")
@click.option("--source_image", required=True, help="A portrait.")
@click.option("--driven_audio", required=True, help="A recording.")
@click.option("--frames", default=2, show_default=True, help="Frames compared, spread over the recording.")
@click.option("--crop", default="square", show_default=True, help="As in pipelines.sample.")
@json_option
def main(
    checkpoint: Path, source_image: str, driven_audio: str, frames: int, crop: str, json_file: Path | None
) -> None:
    """PSNR of frames rendered in bfloat16 against float32, from the same keypoints, and the distance of the motion."""
    exact, low = (TalkingPortrait.load(checkpoint, dtype=dtype) for dtype in ("float32", "bfloat16"))
    source = exact.prepare(source_image, crop)
    waveform = load_waveform(driven_audio)
    motion = exact.animate(source, waveform, sampler="dpm++", steps=8)
    chosen = np.linspace(0, len(motion) - 1, frames).astype(int)
    decibels = {}
    for index in map(int, chosen):
        keypoints = motion.keypoints[index : index + 1]  # (1, K, 3)
        expected, result = (
            np.asarray(model.renderer.frames(model.params, source.arrays, (), keypoints)[1]) for model in (exact, low)
        )
        decibels[index] = psnr(result, expected)
        click.echo(f"frame {index}: {decibels[index]:.1f} dB")

    in_low = low.animate(source, waveform, sampler="dpm++", steps=8)
    other_seed = exact.animate(source, waveform, sampler="dpm++", steps=8, seed=1)
    distance = difference(in_low, motion) / difference(other_seed, motion)
    click.echo(f"motion sampled in bfloat16: {distance:.4f} of the distance between two seeds")
    write_json(json_file, {**describe_run(exact.config.name), "psnr": decibels, "motion": distance})


def psnr(frames: np.ndarray, expected: np.ndarray) -> float:
    error = np.mean(np.square(frames.astype(float) - expected))
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def difference(a: Motion, b: Motion) -> float:
    """Root mean square over everything that is sampled, each number in units of its own spread in `b`."""
    a, b = a.to_vector(), b.to_vector()  # (T, 70)
    return float(np.sqrt(np.mean(np.square((a - b) / b.std(axis=0)))))


if __name__ == "__main__":
    main()
