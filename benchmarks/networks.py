"""Speed of the networks beside PyTorch's: `python -m benchmarks.networks --model published --batch 1`.

The same weights and inputs for both, in one process, taking turns. The frame path is warping and generating, from
keypoints to uint8 frames in the host's memory; a window is 64 frames of motion, 2.56 s.
"""

from pathlib import Path

import click

from benchmarks.contestants import make_works
from benchmarks.race import (
    describe_run,
    echo_races,
    json_option,
    model_option,
    race,
    repeats_option,
    warn_if_busy,
    write_json,
)
from configs import MODELS
from kdtalker_jax.cli import Command
from kdtalker_jax.errors import InputError


@click.command(cls=Command)
@model_option
@click.option("--batch", type=click.IntRange(1), multiple=True, default=(1, 4, 16), show_default=True, help="Frames.")
@click.option("--only", multiple=True, help="Work whose name begins so; repeat for more.  [default: all]")
@click.option("--compile", "compiled", is_flag=True, help="Race torch.compile as well.")
@click.option("--half", is_flag=True, help="Race bfloat16 as well.")
@repeats_option(5)
@json_option
def main(
    model: str, batch: tuple[int, ...], only: tuple[str, ...], compiled: bool, half: bool, repeats: int,
    json_file: Path | None,
) -> None:  # fmt: skip
    """Time each network, the frame path and a window of motion in JAX and in PyTorch eager float32."""
    works = make_works(MODELS[model], batch, compiled, half)
    chosen = {name: contestants for name, contestants in works.items() if name.startswith(only or "")}
    if not chosen:
        raise InputError(f"--only {' '.join(only)} chooses nothing: there are {', '.join(works)}.")
    results = {name: race(contestants, repeats) for name, contestants in chosen.items()}
    echo_races(results)
    warn_if_busy()
    write_json(json_file, {**describe_run(model, repeats=repeats), "seconds": results})


if __name__ == "__main__":
    main()
