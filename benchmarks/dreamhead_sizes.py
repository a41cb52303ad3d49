"""What DreamHead takes at its full sizes: `python -m benchmarks.dreamhead_sizes`.

A training step of each network on one sample, and one frame painted. Each runs once, in a process of its own.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click
import jax
import numpy as np

from benchmarks.flops import product_flops
from benchmarks.race import describe_run, echo_table, json_option, peak_memory, write_json
from configs.dreamhead import PUBLISHED_LIKE
from configs.dreamhead_training import AutoencoderRun, ImageRun, LandmarkRun
from kdtalker_jax.cli import Command
from kdtalker_jax.motion_models.dreamhead.parts import DENOISER
from kdtalker_jax.motion_models.dreamhead.training.input import Windows
from kdtalker_jax.motion_models.dreamhead.training.loss import landmark_losses
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.renderers.latent.painting import canvas_of, paint, reference_of
from kdtalker_jax.renderers.latent.parts import AUTOENCODER, PARTS, UNET
from kdtalker_jax.renderers.latent.training.input import Pictures
from kdtalker_jax.renderers.latent.training.objectives import autoencoder_losses, image_losses
from kdtalker_jax.training.one_network import Losses, initial_state, make_train_step

Piece = tuple[Callable, tuple]  # a program, and what it is given


@click.command(cls=Command)
@json_option
@click.option("--only", multiple=True, help="Of the pieces; repeat for more.  [default: all]")
@click.option("--single", hidden=True, help="Run one piece in this process and print what it took.")
def main(json_file: Path | None, only: tuple[str, ...], single: str | None) -> None:
    """Print operations and peak memory of DreamHead's pieces at the full sizes, with random weights."""
    if single:
        click.echo(" ".join(map(str, measure(*PIECES[single]()))))
        return
    found = {name: in_own_process(name) for name in only or PIECES}
    rows = [(name, f"{flops / 1e9:.0f}", f"{peak / 1e9:.1f}") for name, (flops, peak) in found.items()]
    echo_table(("one of", "GFLOP", "peak, GB"), rows)
    write_json(json_file, {**describe_run(PUBLISHED_LIKE.name), "flops_and_bytes": found})


def in_own_process(name: str) -> tuple[float, int]:
    """Operations and bytes."""
    command = [sys.executable, "-m", "benchmarks.dreamhead_sizes", "--single", name]
    flops, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-2:]
    return float(flops), int(peak)


def measure(program: Callable, given: tuple) -> tuple[float, int]:
    """Operations of the program, and the peak of this process, in bytes, once it has run."""
    flops = product_flops(jax.make_jaxpr(program)(*given).jaxpr)
    result = jax.block_until_ready(jax.jit(program)(*given))
    finite = jax.tree.map(lambda leaf: bool(np.isfinite(leaf).all()), jax.tree.leaves(result))
    if not all(finite):
        raise SystemExit("what comes out is not finite")
    return flops, peak_memory()


def landmark_step() -> Piece:
    config, sizes = LandmarkRun(), PUBLISHED_LIKE.landmark_denoiser
    random = np.random.default_rng(0)
    shapes = (sizes.window, sizes.motion_size), (sizes.motion_size,), (sizes.window, sizes.audio_features)
    shown = np.ones((1, sizes.window), np.float32), np.zeros(1, np.int32)
    windows = Windows(*(random.standard_normal((1, *shape), np.float32) for shape in shapes), *shown)

    def losses(params: Any, frozen: None, windows: Windows, step: jax.Array) -> dict[str, jax.Array]:
        return landmark_losses(DENOISER.build(config), config, params, windows, step)

    return _step(config, losses, DENOISER.name, windows)


def autoencoder_step() -> Piece:
    config = AutoencoderRun()

    def losses(params: Any, frozen: None, pictures: Pictures, step: jax.Array) -> dict[str, jax.Array]:
        return autoencoder_losses(_networks(AUTOENCODER), config, params, frozen, pictures, step)

    return _step(config, losses, AUTOENCODER.name, _pictures())


def image_step() -> Piece:
    config = ImageRun()
    return _step(config, partial(image_losses, _networks(*PARTS), config), UNET.name, _pictures(), AUTOENCODER.name)


def frame() -> Piece:
    networks, settings, seen = _networks(*PARTS), PUBLISHED_LIKE.painting, _pictures()
    params = {part.name: _random(part.name) for part in PARTS}

    def painted(params: Mapping[str, Any], pictures: Pictures) -> jax.Array:
        canvas = canvas_of(networks, params, pictures.targets, pictures.boxes)
        reference = reference_of(networks, params, pictures.references, pictures.reference_points)
        return paint(networks, settings, params, reference, canvas, pictures.points).frames

    return painted, (params, seen)


PIECES: Mapping[str, Callable[[], Piece]] = {
    "step of the landmark denoiser": landmark_step,
    "step of the autoencoder": autoencoder_step,
    "step of the U-Net": image_step,
    "frame": frame,
}


def _step(config: Any, losses: Losses, trained: str, sample: Any, frozen: str | None = None) -> Piece:
    still = _random(frozen)["params"] if frozen else None
    state = initial_state(config, _random(trained)["params"], still)
    return make_train_step(config, losses), (state, sample)


def _pictures() -> Pictures:
    size, points = PUBLISHED_LIKE.painting.image_size, PUBLISHED_LIKE.statistics.points
    random = np.random.default_rng(0)
    seen = random.integers(0, 256, (2, 1, size, size, 3), np.uint8)
    box = np.array([[size // 4, size // 2, 3 * size // 4, size]], np.int32)
    places = random.uniform(-0.5, 0.5, (2, 1, points, 3)).astype(np.float32)
    return Pictures(*seen, box, *places, np.zeros(1, np.int32))


def _networks(*parts: Any) -> dict[str, Any]:
    return {part.name: part.build(PUBLISHED_LIKE) for part in parts}


def _random(name: str) -> dict[str, Any]:
    return random_variables(name, PUBLISHED_LIKE)


if __name__ == "__main__":
    main()
