"""From a picture and a recording to a video, beside PyTorch: `python -m benchmarks.end_to_end --seconds 8`.

PyTorch runs the published networks with 50 steps of ddim, JAX its default steps. Everything around the networks
(reading, mel windows, smoothing, encoding) is this package's for both.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import click
import jax
import numpy as np
import soundfile

from benchmarks.race import (
    DEFAULT_DIFFUSION,
    REFERENCE,
    describe_run,
    echo_races,
    echo_table,
    json_option,
    model_option,
    peak_memory,
    race,
    repeats_option,
    warn_if_busy,
    write_json,
)
from benchmarks.random_params import random_params
from configs import MODELS
from kdtalker_jax import demo
from kdtalker_jax.cli import Command
from kdtalker_jax.media.rates import FRAME_RATE, SAMPLE_RATE
from kdtalker_jax.media.video import VideoWriter
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.rendering import default_batch_size
from kdtalker_jax.synthetic.performance import random_performance

Frames = Callable[[Path, Path], Iterator[np.ndarray]]  # (picture, recording) -> batches of frames


@click.command(cls=Command)
@model_option
@click.option("--seconds", type=click.FloatRange(0.04), default=1.0, show_default=True, help="Of the recording.")
@click.option("--batch_size", type=click.IntRange(1), help="Frames at once, for both.  [default: 1, on GPUs 8]")
@click.option("--peak/--no-peak", default=True, show_default=True, help="Peak memory, in processes of their own.")
@repeats_option(3)
@json_option
@click.option("--peak-of", hidden=True, help="Make one video and print the peak.")
def main(
    model: str, seconds: float, batch_size: int | None, peak: bool, repeats: int, json_file: Path | None,
    peak_of: str | None,
) -> None:  # fmt: skip
    """Time the way from files to the first frame and to the video, once everything is compiled, and its peak memory."""
    size = batch_size or default_batch_size()
    with tempfile.TemporaryDirectory() as folder:
        picture, recording = demo.PORTRAITS[0], Path(folder) / "speech.wav"
        waveform = random_performance(0, round(seconds * FRAME_RATE)).waveform
        soundfile.write(recording, waveform, SAMPLE_RATE)
        if peak_of:
            make_video(contestant(peak_of, MODELS[model], size), picture, recording)
            click.echo(json.dumps(peak_bytes()))
            return
        sides = {name: contestant(name, MODELS[model], size) for name in (REFERENCE, "JAX")}
        first_frames: dict[str, list[float]] = {name: [] for name in sides}

        def work(name: str) -> None:
            first_frames[name].append(make_video(sides[name], picture, recording))

        videos = race({name: lambda name=name: work(name) for name in sides}, repeats)
    for name, (cold, *warm) in first_frames.items():
        videos[name] |= {"first_frame_of_first_call": cold, "first_frame": float(np.median(warm))}
    frames = int(seconds * FRAME_RATE)
    results = {**describe_run(model, seconds=seconds, batch_size=size, repeats=repeats), "frames": frames}
    results["files_to_file"] = videos
    if peak:
        results["peak_bytes"] = {name: in_own_process(name, model, seconds, size) for name in sides}
    echo_races({f"files to file, {frames} frames": videos})
    click.echo()
    echo_summary(results)
    warn_if_busy()
    write_json(json_file, results)


def contestant(name: str, config: ModelConfig, batch_size: int) -> Frames:
    """The frames of a picture and a recording, by PyTorch or by JAX."""
    if name == REFERENCE:
        # Imported here alone, so that it does not count for the memory of JAX.
        from benchmarks.torch_portrait import TorchPortrait, torch_device

        portrait = TorchPortrait(config, torch_device())
        return lambda picture, recording: portrait.frames(picture, recording, batch_size)
    model = TalkingPortrait(config, random_params(config))

    sampler, steps = DEFAULT_DIFFUSION

    def frames(picture: Path, recording: Path) -> Iterator[np.ndarray]:
        source = model.prepare(picture, crop="none")
        motion = model.animate(source, recording, sampler=sampler, steps=steps)
        yield from model.render(source, motion, batch_size=batch_size)

    return frames


def make_video(frames_of: Frames, picture: Path, recording: Path) -> float:
    """Write a video beside the recording; returns the seconds until there was a first frame."""
    began = time.perf_counter()
    frames = frames_of(picture, recording)
    first = next(frames)
    until_first = time.perf_counter() - began
    with VideoWriter(recording.with_name("talk.mp4"), recording) as video:
        for batch in chain([first], frames):
            video.write(batch)
    return until_first


def in_own_process(name: str, model: str, seconds: float, batch_size: int) -> dict[str, int]:
    arguments = {"--peak-of": name, "--model": model, "--seconds": seconds, "--batch_size": batch_size}
    command = [
        sys.executable,
        "-m",
        "benchmarks.end_to_end",
        *(str(part) for pair in arguments.items() for part in pair),
    ]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def peak_bytes() -> dict[str, int]:
    """Of this process so far, in the host's memory and on the device, whose memory is the host's on CPUs."""
    peaks = {"host": peak_memory()}
    if jax.default_backend() != "cpu":
        import torch

        own = jax.local_devices()[0].memory_stats() or {}
        peaks["device"] = max(own.get("peak_bytes_in_use", 0), torch.cuda.max_memory_allocated())
    return peaks


def echo_summary(results: dict) -> None:
    """Print first frames, rates and peaks as a table."""
    rows = []
    for name, times in results["files_to_file"].items():
        peaks = results.get("peak_bytes", {}).get(name, {})
        memory = ", ".join(f"{place} {peak / 1e9:.2f}" for place, peak in peaks.items())
        first = f"{times['first_frame']:.2f}"
        cold = f"{times['first_frame_of_first_call']:.2f}"
        rows.append((name, first, cold, f"{results['frames'] / times['median']:.3g}", memory))
    echo_table(("by", "first frame, s", "not compiled yet, s", "frames a second", "peak memory, GB"), rows)


if __name__ == "__main__":
    main()
