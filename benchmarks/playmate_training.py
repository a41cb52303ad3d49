"""One training step of Playmate, both stages, at its full sizes: `python -m benchmarks.playmate_training`.

Work is counted in the program as it is traced; memory is what XLA plans for it, at two sizes of a batch: their
difference is that of samples.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click
import jax
import numpy as np

from benchmarks.flops import product_flops
from benchmarks.race import describe_run, echo_table, json_option, write_json
from configs.playmate import STATISTICS
from configs.playmate_training import EmotionRun, PlaymateRun
from kdtalker_jax.cli import Command
from kdtalker_jax.emotions import ROWS
from kdtalker_jax.motion_models.playmate.parts import TRANSFORMER
from kdtalker_jax.motion_models.playmate.training.input import Windows, frames_of
from kdtalker_jax.motion_models.playmate.training.step import initial_state, make_train_step
from kdtalker_jax.seeds import random_key


class Measured(NamedTuple):
    """Of one stage."""

    stage: str
    parameters: int  # that are trained
    gflop: float  # of a sample, in matrix products and convolutions
    sample_bytes: int
    fixed_bytes: int  # of parameters, optimiser, average and gradient
    seconds: float  # of a step with the larger batch
    loss: float


def measure(config: PlaymateRun, batches: tuple[int, int]) -> Measured:
    """Traces and compiles a step for both sizes of a batch, and makes one of the larger."""
    frozen = None
    if isinstance(config, EmotionRun):
        frozen = jax.jit(partial(TRANSFORMER.initialise, config))(random_key(0))["params"]
    planned = []
    for size in batches:
        run = replace(config, batch_size=size)
        state, windows = initial_state(run, frozen=frozen), random_windows(run)
        step = make_train_step(run, STATISTICS)
        work = product_flops(jax.make_jaxpr(step)(state, windows).jaxpr) / size
        program = jax.jit(step, donate_argnums=0).lower(state, windows).compile()
        planned.append(program.memory_analysis().temp_size_in_bytes)
    small, large = batches
    of_sample = (planned[1] - planned[0]) // (large - small)
    held = sum(leaf.nbytes for leaf in jax.tree.leaves(state) if hasattr(leaf, "nbytes"))
    count = sum(leaf.size for leaf in jax.tree.leaves(state.params))
    began = time.perf_counter()
    _, metrics, _ = jax.block_until_ready(program(state, windows))
    seconds, fixed = time.perf_counter() - began, held + planned[0] - small * of_sample
    return Measured(config.name, count, work / 1e9, of_sample, fixed, seconds, float(metrics["loss"]))


def random_windows(config: PlaymateRun) -> Windows:
    """A batch of noise."""
    sizes, batch, frames = config.diffusion_transformer, config.batch_size, frames_of(config)
    rng = np.random.default_rng(0)

    def array(*shape: int) -> np.ndarray:
        return rng.standard_normal((batch, *shape), np.float32)

    emotions = np.eye(len(ROWS), dtype=np.float32)[rng.integers(1, len(ROWS), (batch, 1))].repeat(frames, axis=1)
    return Windows(
        array(frames, sizes.motion_size),
        array(3 * sizes.keypoints),
        array(frames, sizes.audio_features),
        array(7),
        np.ones((batch, 7), np.float32),
        emotions,
        np.arange(batch, dtype=np.int32),
    )


@click.command(cls=Command)
@click.option("--batch", type=click.IntRange(2), default=4, show_default=True, help="Samples of the step that is made.")
@click.option("--dtype", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True)
@json_option
def main(batch: int, dtype: str, json_file: Path | None) -> None:
    """Print work and memory of a sample of both stages, and make a step of each."""
    found = list(_stages(batch, dtype))
    head = ("stage", "trained parameters", "GFLOP a sample", "MB a sample", "MB besides", "seconds a step", "loss")
    rows = [
        (
            one.stage, f"{one.parameters / 1e6:.1f} M", f"{one.gflop:.1f}", f"{one.sample_bytes / 1e6:.0f}",
            f"{one.fixed_bytes / 1e6:.0f}", f"{one.seconds:.1f}", f"{one.loss:.3f}",
        )
        for one in found
    ]  # fmt: skip
    echo_table(head, rows)
    write_json(json_file, {**describe_run("full"), "dtype": dtype, "stages": [one._asdict() for one in found]})


def _stages(batch: int, dtype: str) -> Iterator[Measured]:
    for config in (PlaymateRun(dtype=dtype), EmotionRun(dtype=dtype)):
        yield measure(config, (batch // 2, batch))


if __name__ == "__main__":
    main()
