"""Work of a frame, counted, and the share of the device's best rate that it is done at: `python -m benchmarks.counts`.

The counts do not depend on how fast the machine is.
"""

from functools import partial
from pathlib import Path
from typing import Any

import click
import jax
import jax.numpy as jnp
import torch
from jax.stages import Traced

from benchmarks.flops import Published, product_flops, published_work
from benchmarks.race import (
    Work,
    describe_run,
    echo_table,
    json_option,
    model_option,
    race,
    repeats_option,
    warn_if_busy,
    write_json,
)
from benchmarks.torch_portrait import torch_device
from configs import MODELS
from kdtalker_jax.cli import Command
from kdtalker_jax.loaded_model import DTYPES
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.nn.convolution import conv2d_direct
from kdtalker_jax.renderers.liveportrait.model import SourceArrays, render
from kdtalker_jax.renderers.liveportrait.parts import RENDERED
from kdtalker_jax.renderers.liveportrait.preparing import prepare
from kdtalker_jax.rendering import default_dtype

FRAME = "frame path"


@click.command(cls=Command)
@model_option
@click.option("--dtype", type=click.Choice(list(DTYPES)), help="Of the networks.  [default: float32, on GPUs bfloat16]")
@click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="Frames at once.")
@click.option("--rates/--no-rates", default=True, show_default=True, help="Also measure the device's rates.")
@repeats_option(3)
@json_option
def main(model: str, dtype: str | None, batch: int, rates: bool, repeats: int, json_file: Path | None) -> None:
    """Count the operations of a frame, in the published graph and compiled here, and measure the ceiling.

    "products" are those of convolutions, matrix products and Fourier transforms. "XLA" is what cost_analysis() says of
    the compiled program: all operations, but the body of a loop only once, and the bytes that they read and write.
    The published graph's bytes are what its operations read and write one by one.
    """
    config, dtype = MODELS[model], dtype or default_dtype()
    published = published_work(config)
    published[FRAME] = Published(*map(sum, zip(*published.values(), strict=True)))
    counts, compiled = {}, {}
    for name, traced in trace_programs(config, dtype, batch).items():
        compiled[name] = traced.lower().compile()
        xla = compiled[name].cost_analysis()
        counts[name] = {
            "published": published[name].flops,
            "published_bytes": published[name].bytes,
            "products": product_flops(traced.jaxpr.jaxpr) / batch,
            "xla": xla["flops"] / batch,
            "bytes": xla["bytes accessed"] / batch,
        }
    echo_counts(counts)
    results: dict[str, Any] = {**describe_run(model, dtype=dtype, batch=batch, repeats=repeats), "counts": counts}
    if rates:
        results["rates"] = measure_rates(config, dtype, compiled[FRAME], counts[FRAME], batch, repeats)
        echo_rates(results["rates"])
        warn_if_busy()
    write_json(json_file, results)


def trace_programs(
    config: ModelConfig, dtype: str, batch: int, *, prepared: bool = True, **jit: Any
) -> dict[str, Traced]:
    """The programs of `batch` frames of one portrait, each network's and both together.

    prepared: with kernels in the form that this machine likes. jit: its further options.
    """
    c, precision = config.warping, DTYPES[dtype]

    def shape(*sizes: int) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(sizes, jnp.float32)

    grid = (1, c.volume_depth, c.feature_size, c.feature_size)
    source = SourceArrays(
        shape(*grid, c.volume_channels), shape(*grid, c.compressed_channels), shape(1, c.keypoints, 3)
    )
    driving = shape(batch, c.keypoints, 3)
    folded = {part.name: part.shapes(config, folded=True) for part in RENDERED}
    params = jax.eval_shape(partial(prepare, config, dtype=precision), folded) if prepared else folded
    painters = {part.name: part.build(config, dtype=precision) for part in RENDERED}
    warp = partial(painters["warping"].apply, method="warp")
    generate = painters["generator"].apply
    features = shape(batch, c.feature_size, c.feature_size, c.output_channels)
    return {
        "warping": jax.jit(warp, **jit).trace(
            params["warping"], source.volume, source.compressed, source=source.keypoints, driving=driving
        ),
        "generator": jax.jit(generate, **jit).trace(params["generator"], features),
        FRAME: jax.jit(partial(render, painters), **jit).trace(params, source, driving),
    }


def measure_rates(
    config: ModelConfig, dtype: str, compiled: jax.stages.Compiled, counts: dict[str, float], batch: int, repeats: int
) -> dict[str, Any]:
    """Operations a second of a frame, of a large matrix product and of a large convolution in JAX and in PyTorch."""
    works = ceiling_works(config, dtype)
    arguments, _ = jax.tree.map(lambda leaf: jnp.full(leaf.shape, 0.01, leaf.dtype), compiled.args_info)
    works[FRAME] = counts["products"] * batch, lambda: jax.block_until_ready(compiled(*arguments))
    times = race({name: work for name, (_, work) in works.items()}, repeats)
    rates = {name: flops / times[name]["median"] for name, (flops, _) in works.items()}
    best = max(rate for name, rate in rates.items() if "convolution" in name)
    as_published = counts["published"] * batch / times[FRAME]["median"]
    return {
        "flop_per_second": rates,
        "seconds": times,
        "share": rates[FRAME] / best,
        "share_as_published": as_published / best,
    }


def ceiling_works(config: ModelConfig, dtype: str) -> dict[str, tuple[float, Work]]:
    """Operations and work: a square matrix product, and the convolution of the generator's middle blocks.

    Large ones only at the published sizes.
    """
    width, size = config.generator.width, config.warping.feature_size
    side, channels_first = 4 * width, (1, width, size, size)
    flops = {"matrix product": 2 * side**3, "convolution": 2 * 9 * width**2 * size**2}

    device, half = torch_device(), getattr(torch, dtype)
    matrix = torch.full((side, side), 0.01, device=device, dtype=half)
    picture = torch.full(channels_first, 0.01, device=device, dtype=half)
    kernel = torch.full((width, width, 3, 3), 0.01, device=device, dtype=half)
    own_matrix = jnp.full((side, side), 0.01, DTYPES[dtype])
    own_picture = jnp.full((1, size, size, width), 0.01, DTYPES[dtype])
    own_kernel = jnp.full((3, 3, width, width), 0.01, DTYPES[dtype])
    multiply, convolve = jax.jit(jnp.matmul), jax.jit(conv2d_direct)

    def in_torch(function: Any, *arguments: Any) -> Work:
        def work() -> None:
            with torch.inference_mode():
                function(*arguments)
            if device.type == "cuda":
                torch.cuda.synchronize(device)

        return work

    return {
        "matrix product, JAX": (flops["matrix product"], lambda: multiply(own_matrix, own_matrix).block_until_ready()),
        "matrix product, PyTorch": (flops["matrix product"], in_torch(torch.matmul, matrix, matrix)),
        "convolution, JAX": (flops["convolution"], lambda: convolve(own_picture, own_kernel).block_until_ready()),
        "convolution, PyTorch": (
            flops["convolution"],
            in_torch(partial(torch.nn.functional.conv2d, padding=1), picture, kernel),
        ),
    }


def echo_counts(counts: dict[str, dict[str, float]]) -> None:
    """Print the counts as a table."""
    rows = []
    for name, count in counts.items():
        giga = {key: f"{value / 1e9:.4g}" for key, value in count.items()}
        ratio = f"**{count['products'] / count['published']:.3f}**"
        bytes_ratio = f"**{count['bytes'] / count['published_bytes']:.2f}**"
        in_bytes = giga["published_bytes"], giga["bytes"], bytes_ratio
        rows.append((name, giga["published"], giga["products"], ratio, giga["xla"], *in_bytes))
    columns = ("GFLOP a frame", "published", "products", "of published", "XLA", "GB, published", "GB, XLA", "ratio")
    echo_table(columns, rows)


def echo_rates(rates: dict[str, Any]) -> None:
    """Print the rates as a table, and the shares."""
    click.echo()
    echo_table(("", "GFLOP a second"), [(name, f"{r / 1e9:.4g}") for name, r in rates["flop_per_second"].items()])
    share, as_published = (f"{100 * rates[key]:.0f} %" for key in ("share", "share_as_published"))
    click.echo(f"\nA frame runs at {share} of the best convolution's rate; counted as published at {as_published}.")


if __name__ == "__main__":
    main()
