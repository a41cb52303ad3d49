"""What each cheaper form of the same computation saves: `python -m benchmarks.rewrites`.

Plain and cheaper form take turns on the same inputs, of the sizes that they have in a frame.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.flops import product_flops
from benchmarks.race import (
    describe_run,
    echo_table,
    json_option,
    model_option,
    race,
    repeats_option,
    warn_if_busy,
    write_json,
)
from configs import MODELS
from kdtalker_jax.cli import Command
from kdtalker_jax.diffusion.samplers import make_sampler, sample
from kdtalker_jax.errors import InputError
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.motion_models.kdtalker.model import Carry, Noise, sample_window
from kdtalker_jax.motion_models.kdtalker.network import PREFIX
from kdtalker_jax.motion_models.kdtalker.parts import DENOISER
from kdtalker_jax.nn.blocks import upsample_nearest
from kdtalker_jax.nn.convolution import (
    conv2d_direct,
    conv2d_winograd,
    conv3d_by_planes,
    conv3d_direct,
    conv_upsampled,
    plane_kernel,
    winograd_kernel,
)
from kdtalker_jax.nn.folding import NORM_EPSILON, fold
from kdtalker_jax.nn.fourier import conv3d_fourier, fourier_kernel
from kdtalker_jax.nn.resampling import identity_grid, sample_translated, sample_volume
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.renderers.liveportrait.networks.generator import instance_norm
from kdtalker_jax.renderers.liveportrait.networks.heat_maps import HEAT_MAP_VARIANCE
from kdtalker_jax.renderers.liveportrait.networks.warping import _heat_maps
from kdtalker_jax.systems import find_system


@dataclass(frozen=True)
class Rewrite:
    """A computation in two forms. `prepare` makes the second one's arguments of the first one's, once a model."""

    plain: Callable
    form: Callable
    arguments: tuple
    prepare: Callable[..., tuple] = lambda *arguments: arguments


@click.command(cls=Command)
@model_option
@click.option("--only", multiple=True, help="Rewrites whose name begins so; repeat for more.  [default: all]")
@repeats_option(5)
@json_option
def main(model: str, only: tuple[str, ...], repeats: int, json_file: Path | None) -> None:
    """Time each rewrite beside its plain form, count the products of both, and compare their results."""
    chosen = {name: make for name, make in REWRITES.items() if name.startswith(only or "")}
    if not chosen:
        raise InputError(f"--only {' '.join(only)} chooses nothing: there are {', '.join(REWRITES)}.")
    results = {name: measure(make(MODELS[model]), repeats) for name, make in chosen.items()}
    echo_rewrites(results)
    warn_if_busy()
    write_json(json_file, {**describe_run(model, repeats=repeats), "rewrites": results})


def measure(rewrite: Rewrite, repeats: int) -> dict[str, Any]:
    """Seconds and products of both forms, the ratio of their times, and the largest difference of their results in
    units of the standard deviation."""
    arguments = jax.device_put({"plain": rewrite.arguments, "form": rewrite.prepare(*rewrite.arguments)})
    traced = {name: jax.jit(getattr(rewrite, name)).trace(*arguments[name]) for name in arguments}
    programs = {name: partial(traced[name].lower().compile(), *arguments[name]) for name in arguments}
    plain, form = (jax.tree.leaves(programs[name]()) for name in ("plain", "form"))
    difference = max(float(jnp.abs(a - b).max() / b.std()) for a, b in zip(form, plain, strict=True))
    works = {name: lambda run=run: jax.block_until_ready(run()) for name, run in programs.items()}
    times = race(works, repeats, reference="plain")
    products = {name: product_flops(program.jaxpr.jaxpr) for name, program in traced.items()}
    return {"seconds": times, "products": products, "difference": difference}


def echo_rewrites(results: dict[str, dict[str, Any]]) -> None:
    """Print the results as a table."""
    rows = []
    for name, result in results.items():
        plain, form = (result["seconds"][of] for of in ("plain", "form"))
        products = (f"{result['products'][of] / 1e9:.3g}" for of in ("plain", "form"))
        ratio = f"**{form['ratio']:.2f}** ({form['lowest_ratio']:.2f} to {form['highest_ratio']:.2f})"
        times = (f"{1000 * of['median']:.3g}" for of in (plain, form))
        processor = f"{form['processor_ratio']:.2f}"
        rows.append((name, *products, *times, ratio, processor, f"{result['difference']:.0e}"))
    head = ("", "GFLOP, plain", "GFLOP, form", "plain, ms", "form, ms", "of plain's", "processor time", "difference")
    echo_table(head, rows)


def normal(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(list(shape)).standard_normal(shape, np.float32))


def map_of(config: ModelConfig, scale: int, channels: int) -> jax.Array:
    """A feature map of the generator, (1, H, W, channels), at `scale` times the size of its input."""
    return normal(1, scale * config.warping.feature_size, scale * config.warping.feature_size, channels)


def volume_of(config: ModelConfig, channels: int) -> jax.Array:
    """A feature volume, (1, D, H, W, channels)."""
    c = config.warping
    return normal(1, c.volume_depth, c.feature_size, c.feature_size, channels)


def kernel_of(dimensions: int, size: int, inputs: int, outputs: int) -> jax.Array:
    """That leaves a standard deviation of 1."""
    return normal(*[size] * dimensions, inputs, outputs) / (size**dimensions * inputs) ** 0.5


def repeated_map(config: ModelConfig, factor: int) -> Rewrite:
    """The first convolution of a SPADE norm, whose input is the feature map repeated to the size of the layer."""
    c = config.generator
    return Rewrite(
        lambda x, kernel: conv2d_direct(upsample_nearest(x, factor, axes=(1, 2)), kernel),
        lambda x, kernel: conv_upsampled(x, kernel, (factor, factor)),
        (map_of(config, 1, c.input_channels), kernel_of(2, 3, c.input_channels, c.modulation_width)),
    )


def decoder(config: ModelConfig) -> Rewrite:
    """All convolutions of the hourglass's decoder, each of a map that was repeated in height and width."""
    c = config.warping
    blocks = []
    for i in range(c.hourglass_blocks):
        inner = min(c.hourglass_max_width, c.hourglass_width * 2 ** (i + 1))
        inputs = inner if i == c.hourglass_blocks - 1 else 2 * inner  # with the encoder's map of that size
        size = c.feature_size // 2 ** (i + 1)
        outputs = min(c.hourglass_max_width, c.hourglass_width * 2**i)
        blocks.append((normal(1, c.volume_depth, size, size, inputs), kernel_of(3, 3, inputs, outputs)))
    return Rewrite(
        lambda *blocks: [conv3d_by_planes(upsample_nearest(x, 2, axes=(2, 3)), kernel) for x, kernel in blocks],
        lambda *blocks: [conv_upsampled(x, kernel, (1, 2, 2)) for x, kernel in blocks],
        tuple(blocks),
    )


def winograd(config: ModelConfig, scale: int, inputs: int, outputs: int) -> Rewrite:
    """A 3x3 convolution."""
    arguments = map_of(config, scale, inputs), kernel_of(2, 3, inputs, outputs)
    return Rewrite(conv2d_direct, conv2d_winograd, arguments, lambda x, kernel: (x, winograd_kernel(kernel)))


def winograd_volume(config: ModelConfig, inputs: int, outputs: int) -> Rewrite:
    """A 3x3x3 convolution, in both forms as a 2-D one with depth taps as outputs."""
    return Rewrite(
        conv3d_by_planes,
        conv3d_by_planes,
        (volume_of(config, inputs), kernel_of(3, 3, inputs, outputs)),
        lambda x, kernel: (x, kernel, winograd_kernel(plane_kernel(kernel))),
    )


def gamma_and_beta(config: ModelConfig, form: Callable, prepare: Callable) -> Rewrite:
    """Two convolutions of the same map as one, in the middle blocks."""
    c = config.generator
    kernels = kernel_of(2, 3, c.modulation_width, 2 * c.width)
    return Rewrite(
        lambda x, gamma, beta: jnp.concatenate([form(x, gamma), form(x, beta)], -1),
        form,
        (map_of(config, 1, c.modulation_width), *map(prepare, jnp.split(kernels, 2, -1))),
        lambda x, *kernels: (x, jnp.concatenate(kernels, -1)),
    )


def shared_layers(config: ModelConfig) -> Rewrite:
    """The first convolutions of all norms of the middle blocks, which read the same map, as one."""
    c = config.generator
    kernels = [kernel_of(2, 3, c.input_channels, c.modulation_width)] * (2 * c.middle_blocks)
    return Rewrite(
        lambda x, *kernels: jnp.concatenate([conv2d_direct(x, kernel) for kernel in kernels], -1),
        conv2d_direct,
        (map_of(config, 1, c.input_channels), *kernels),
        lambda x, *kernels: (x, jnp.concatenate(kernels, -1)),
    )


def volume_by_planes(config: ModelConfig, size: int, outputs: int) -> Rewrite:
    """A 3-D convolution of the hourglass's result as a 2-D one with depth taps as outputs."""
    channels = hourglass_channels(config)
    return Rewrite(
        conv3d_direct, conv3d_by_planes, (volume_of(config, channels), kernel_of(3, size, channels, outputs))
    )


def mask(config: ModelConfig) -> Rewrite:
    """The widest convolution of all, 7x7x7."""
    c = config.warping
    size, channels = (c.wide_kernel,) * 3, hourglass_channels(config)
    return Rewrite(
        conv3d_by_planes,
        lambda x, transformed: conv3d_fourier(x, transformed, size),
        (volume_of(config, channels), kernel_of(3, c.wide_kernel, channels, c.keypoints + 1)),
        lambda x, kernel: (x, fourier_kernel(plane_kernel(kernel))),
    )


def hourglass_channels(config: ModelConfig) -> int:
    c = config.warping
    return c.hourglass_width + (c.keypoints + 1) * (1 + c.compressed_channels)


def translations(config: ModelConfig) -> Rewrite:
    """The compressed volume moved by each candidate: a translation keeps the grid separable."""
    c = config.warping
    grid = identity_grid((c.volume_depth, c.feature_size, c.feature_size))
    return Rewrite(
        lambda volume, shift: sample_volume(volume, grid[..., None, :] + shift[None, None, None]),
        sample_translated,
        (volume_of(config, c.compressed_channels)[0], 0.1 * normal(c.keypoints + 1, 3)),
    )


def gaussians(config: ModelConfig) -> Rewrite:
    """Heat maps around keypoints as products of one-dimensional ones."""
    c = config.warping
    shape = c.volume_depth, c.feature_size, c.feature_size

    def plain(keypoints: jax.Array) -> jax.Array:
        distance = jnp.square(identity_grid(shape)[None, ..., None, :] - keypoints[:, None, None, None]).sum(-1)
        return jnp.exp(-0.5 / HEAT_MAP_VARIANCE * distance)

    return Rewrite(plain, lambda keypoints: _heat_maps(keypoints, shape), (0.3 * normal(1, c.keypoints, 3),))


def folded_norms(name: str, config: ModelConfig) -> Rewrite:
    """Batch or spectral norms multiplied into the kernels, of a whole network with direct convolutions."""
    c, size = config.warping, config.warping.feature_size
    of_warping = volume_of(config, c.volume_channels), *(0.3 * normal(2, 1, c.keypoints, 3))
    inputs = of_warping if name == "warping" else (normal(1, size, size, c.output_channels),)

    def run(folded: bool, variables: dict, x: jax.Array, *keypoints: jax.Array) -> Any:
        named = dict(zip(("source", "driving"), keypoints, strict=False))
        return find_system("kdtalker").parts[name].build(config, folded=folded).apply(variables, x, **named)

    return Rewrite(
        partial(run, False),
        partial(run, True),
        (random_variables(name, config), *inputs),
        lambda variables, *inputs: (fold(variables), *inputs),
    )


def terms_once(config: ModelConfig) -> Rewrite:
    """What the denoiser makes of time and audio, once a window instead of at each of 50 steps."""
    c, rule = config.denoiser, make_sampler("ddim", 50)
    denoiser = DENOISER.build(config)

    def plain(
        variables: dict, canonical: jax.Array, reference: jax.Array, audio: jax.Array, x_T: jax.Array
    ) -> jax.Array:
        context = jnp.pad(audio, ((PREFIX, 0), (0, 0)))[None]

        def denoise(x: jax.Array, time: jax.Array) -> jax.Array:
            tokens = jnp.concatenate([jnp.stack([canonical, reference]), x])[None]
            return denoiser.apply(variables, tokens, time[None], context)[0, PREFIX:]

        return sample(denoise, rule, x_T)

    def form(
        variables: dict, canonical: jax.Array, reference: jax.Array, audio: jax.Array, x_T: jax.Array
    ) -> jax.Array:
        state, noise = Carry(canonical[None], reference[None]), Noise(x_T[None], jax.random.key(0)[None])
        return sample_window(denoiser, config.diffusion, variables, rule, state, audio[None], noise)[1][0]

    tokens = normal(2, c.motion_size)
    window = *tokens, normal(c.window, c.audio_features), normal(c.window, c.motion_size)
    return Rewrite(plain, form, (random_variables("denoiser", config), *window))


def one_pass(config: ModelConfig) -> Rewrite:
    """Mean and mean square of a map in one pass instead of the mean first."""

    def form(x: jax.Array) -> jax.Array:
        mean, square = (value.mean(axis=(1, 2), keepdims=True) for value in (x, jnp.square(x)))
        return (x - mean) * jax.lax.rsqrt(square - jnp.square(mean) + NORM_EPSILON)

    return Rewrite(instance_norm, form, (map_of(config, 4, config.generator.up_widths[0]),))


REWRITES: dict[str, Callable[[ModelConfig], Rewrite]] = {
    "shared maps of up_1, repeated x4": lambda c: repeated_map(c, 4),
    "shared maps of up_0, repeated x2": lambda c: repeated_map(c, 2),
    "hourglass's decoder, repeated x2": decoder,
    "Winograd, middle blocks": lambda c: winograd(c, 1, c.generator.width, c.generator.width),
    "Winograd, modulation of middle blocks": lambda c: winograd(
        c, 1, c.generator.modulation_width, 2 * c.generator.width
    ),
    "Winograd, up_0": lambda c: winograd(c, 2, *c.generator.up_widths[:1] * 2),
    "Winograd, modulation of up_1": lambda c: winograd(
        c, 4, c.generator.modulation_width, 2 * c.generator.up_widths[0]
    ),
    "Winograd, last of the hourglass": lambda c: winograd_volume(c, hourglass_channels(c), hourglass_channels(c)),
    "Winograd, gamma and beta as one": lambda c: gamma_and_beta(c, conv2d_winograd, winograd_kernel),
    "mask as planes": lambda c: volume_by_planes(c, c.warping.wide_kernel, c.warping.keypoints + 1),
    "mask by Fourier": mask,
    "last of the hourglass as planes": lambda c: volume_by_planes(c, 3, hourglass_channels(c)),
    "separable translations": translations,
    "separable heat maps": gaussians,
    "folded norms, warping": partial(folded_norms, "warping"),
    "folded norms, generator": partial(folded_norms, "generator"),
    "time and audio once a window": terms_once,
    "not kept: gamma and beta as one, direct": lambda c: gamma_and_beta(c, conv2d_direct, lambda kernel: kernel),
    "not kept: shared maps of middle blocks as one": shared_layers,
    "not kept: statistics in one pass": one_pass,
    "not kept: Winograd, up_1": lambda c: winograd(c, 4, *c.generator.up_widths[:2]),
}


if __name__ == "__main__":
    main()
