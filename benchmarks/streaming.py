"""Latency of streaming, stage by stage: `python -m benchmarks.streaming --checkpoint DIR`."""

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import click
import numpy as np

from benchmarks.race import describe_run, json_option, write_json
from kdtalker_jax import demo
from kdtalker_jax.choices import DEFAULT_STEPS
from kdtalker_jax.cli import Command
from kdtalker_jax.media.rates import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME
from kdtalker_jax.portrait import TalkingPortrait


@click.command(cls=Command)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Converted model; else a small random one.")
@click.option("--windows", default=2, show_default=True, help="Windows of 64 frames.")
@click.option("--sampler", default="dpm++", show_default=True)
@click.option("--steps", default=DEFAULT_STEPS["dpm++"], show_default=True)
@click.option("--batch_size", type=int, help="As in pipelines.sample.")
@click.option("--batches", type=click.IntRange(1), default=4, show_default=True, help="Rendered, for the rate.")
@json_option
def main(
    checkpoint: Path | None, windows: int, sampler: str, steps: int, batch_size: int | None, batches: int,
    json_file: Path | None,
) -> None:  # fmt: skip
    """Feed noise in chunks of 40 ms as fast as it is taken, and print when what comes out.

    Sound that a window waits for is counted in seconds of sound, computing in seconds of this machine. Programs are
    compiled before.
    """
    model = TalkingPortrait.load(checkpoint or demo.MODEL)
    source = model.prepare(demo.PORTRAITS[0], crop="none")
    frames = 64 * windows + 3
    diffusion = {"sampler": sampler, "steps": steps}
    silence = np.zeros(SAMPLES_PER_FRAME, np.float32)
    list(model.stream(source, [silence], batch_size=batch_size, **diffusion))  # compiles

    noise = np.random.default_rng(0).normal(0, 0.1, (frames, SAMPLES_PER_FRAME)).astype(np.float32)
    heard, last = 0, 0.0

    def chunks() -> Iterator[np.ndarray]:
        nonlocal heard, last
        for chunk in noise:
            heard, last = heard + SAMPLES_PER_FRAME, time.perf_counter()
            yield chunk

    motions = model.stream_motion(source, chunks(), **diffusion)
    motion = next(motions)
    motion_seconds, sound = time.perf_counter() - last, heard / SAMPLE_RATE
    started = time.perf_counter()
    rest = sum(map(len, motions))
    pace = (time.perf_counter() - started) * FRAME_RATE / max(rest, 1)

    # Last, as rendering runs ahead of what is asked for: it would still be at work.
    started = time.perf_counter()
    rendered = islice(model.render(source, motion, batch_size=batch_size), batches)
    first = len(next(rendered))
    first_seconds = time.perf_counter() - started
    count = first + sum(map(len, rendered))
    rate = count / (time.perf_counter() - started)
    click.echo(f"sound before the first window   {sound:8.2f} s")
    click.echo(f"its motion                      {motion_seconds:8.2f} s of computing")
    click.echo(f"its first frames ({first})            {first_seconds:8.2f} s of computing")
    click.echo(f"first frame after               {sound + motion_seconds + first_seconds:8.2f} s")
    click.echo(f"rendering                       {rate:8.2f} frames a second ({FRAME_RATE} is real time)")
    click.echo(f"motion of the rest              {pace:8.2f} s of computing for each second")
    results = {
        "sound": sound,
        "motion": motion_seconds,
        "first_frames": first_seconds,
        "frames_per_second": rate,
        "motion_per_second": pace,
    }
    run = describe_run(model.config.name, windows=windows, batch_size=batch_size, **diffusion)
    write_json(json_file, {**run, "results": results})


if __name__ == "__main__":
    main()
