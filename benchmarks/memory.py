"""Peak memory of a whole run against the recording's length: `python -m benchmarks.memory`.

Each length runs in a process of its own, with small networks, from file to file.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import click
import numpy as np
import soundfile

from benchmarks.race import describe_run, echo_table, json_option, peak_memory, write_json
from benchmarks.random_params import random_params
from configs import SMALL
from kdtalker_jax import demo
from kdtalker_jax.cli import Command
from kdtalker_jax.media.rates import SAMPLE_RATE
from kdtalker_jax.portrait import TalkingPortrait


@click.command(cls=Command)
@click.option("--minutes", multiple=True, type=float, default=(1.0, 10.0), show_default=True, help="Repeat for more.")
@json_option
@click.option("--single", type=float, hidden=True, help="Run one length in this process and print its peak.")
def main(minutes: tuple[float, ...], json_file: Path | None, single: float | None) -> None:
    """Print the peak memory of making a video from recordings of different lengths."""
    if single is not None:
        click.echo(peak_of_run(single))
        return
    peaks = {length: in_own_process(length) for length in sorted(minutes)}
    shortest = min(peaks)
    rows = [
        (f"{length:g}", *(f"{value / 1e6:.0f}" for value in (peak, peak - peaks[shortest])))
        for length, peak in peaks.items()
    ]
    echo_table(("minutes", "peak, MB", "above the shortest, MB"), rows)
    write_json(json_file, {**describe_run("small"), "peak_bytes": peaks})


def in_own_process(minutes: float) -> int:
    """Bytes."""
    command = [sys.executable, "-m", "benchmarks.memory", "--single", str(minutes)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def peak_of_run(minutes: float) -> int:
    """Bytes."""
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "speech.wav"
        with soundfile.SoundFile(recording, "w", SAMPLE_RATE, channels=1) as file:
            for _ in range(round(60 * minutes)):
                file.write(0.1 * np.random.default_rng(0).standard_normal(SAMPLE_RATE))
        model = TalkingPortrait(SMALL, random_params(SMALL))
        source = model.prepare(demo.PORTRAITS[0], crop="none")
        motion = model.animate(source, recording, steps=2)
        model.write(source, motion, Path(folder) / "talk.mp4", recording)
    return peak_memory()


if __name__ == "__main__":
    main()
