"""The ways in which devices share a step or frames, side by side: `python -m benchmarks.mappings --model small`.

They take turns in one run on one machine, so that whatever else the machine does slows all. On a CPU with
JAX_NUM_CPU_DEVICES=2 in the environment, virtual devices share the cores: what a mapping itself costs still shows.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import click
import jax
import numpy as np

from benchmarks.training import jax_stepper, synthetic_clips
from configs import MODELS, PUBLISHED_STATISTICS
from configs.training import KDTALKER, InputConfig, TrainingConfig
from kdtalker_jax import parallel
from kdtalker_jax.cli import Command
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.motion_models.kdtalker.training.input import Batches, UsableClips
from kdtalker_jax.motion_models.kdtalker.training.loss import Windows
from kdtalker_jax.motion_models.kdtalker.training.step import initial_state, make_train_step
from kdtalker_jax.nn.folding import fold
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.renderers.liveportrait.parts import GENERATOR

ROUNDS = 5  # in which all mappings take turns


def frame_maker(model: ModelConfig, rows: int, mapping: parallel.Mapping) -> Callable[[int], float]:
    """A function that makes so many batches of pictures and returns the seconds that each took."""
    params = parallel.replicate(fold(random_variables("generator", model)))
    side = model.warping.feature_size
    features = np.ones((rows, side, side, model.generator.input_channels), np.float32)
    render = parallel.map_rows(GENERATOR.build(model).apply, mapping)

    def run(batches: int) -> float:
        began = time.perf_counter()
        for _ in range(batches):
            render(params, features)
        return (time.perf_counter() - began) / batches

    run(1)  # compiles
    return run


def bits_after(config: TrainingConfig, windows: Windows, mapping: parallel.Mapping, steps: int) -> list[np.ndarray]:
    """The parameters after some steps."""
    state = parallel.place(initial_state(config), mapping)
    step = parallel.map_step(make_train_step(config, PUBLISHED_STATISTICS), mapping)
    for _ in range(steps):
        state, _, _ = step(state, windows)
    return jax.tree.leaves(parallel.to_host(state.params))


@click.command(cls=Command)
@click.option("--model", type=click.Choice(list(MODELS)), default="small", show_default=True, help="Sizes.")
@click.option("--batch", default=8, show_default=True, help="Samples in a step, and pictures made at once.")
@click.option("--steps", default=5, show_default=True, help=f"In each of {ROUNDS} rounds.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write the numbers here.")
def main(model: str, batch: int, steps: int, json_file: Path | None) -> None:
    """Measure a step of training and a batch of pictures by each mapping."""
    sizes = MODELS[model]
    config = replace(KDTALKER, batch_size=batch, denoiser=sizes.denoiser, input=InputConfig(threads=2))
    clips = UsableClips(synthetic_clips(sizes.denoiser), sizes.denoiser.window, config.input)
    windows = next(Batches(clips, config)).windows
    mappings = get_args(parallel.Mapping)
    contestants = {("step", mapping): jax_stepper(config, windows, mapping) for mapping in mappings}
    contestants |= {("pictures", mapping): frame_maker(sizes, batch, mapping) for mapping in ("pmap", "jit")}
    times: dict[tuple[str, str], list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, run in contestants.items():
            times[name].append(run(steps))
    results: dict[str, Any] = {"device": parallel.describe(), "model": model, "batch": batch}
    click.echo(f"{results['device']}, {model} sizes, batch {batch}")
    for (work, mapping), values in times.items():
        ratio = statistics.median(a / b for a, b in zip(values, times[work, "pmap"], strict=True))
        results[f"{work}/{mapping}"] = {"seconds": statistics.median(values), "ratio": ratio}
        click.echo(f"{work:10} {mapping:5} {1000 * statistics.median(values):10.1f} ms   {ratio:.2f} of pmap's")
    wanted, found = (bits_after(config, windows, mapping, steps=3) for mapping in ("pmap", "jit"))
    results["same_bits"] = all(np.array_equal(a, b) for a, b in zip(wanted, found, strict=True))
    click.echo(f"after 3 steps, parameters of pmap and jit are {'' if results['same_bits'] else 'not '}the same bits")
    if json_file:
        json_file.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
