"""What XLA makes of the networks for an NVIDIA GPU, counted where there is none: `python -m benchmarks.lowered`.

The lowered program (StableHLO) can be had anywhere. Where JAX's CUDA plugin is installed the program is also compiled
for an H100, without one, and its kernels are counted:
`pip install --no-deps jax-cuda13-plugin jax-cuda13-pjrt nvidia-cuda-nvcc` of JAX's own version. How fast they are, and
which forms of convolutions and products a GPU would choose by trying them, only the GPU knows.
"""

import math
import os
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
import jax
import jax.numpy as jnp
from jax.experimental import topologies
from jax.stages import Traced

from benchmarks.counts import trace_programs
from benchmarks.race import DEFAULT_DIFFUSION, describe_run, echo_table, json_option, model_option, write_json
from configs import MODELS
from kdtalker_jax.cli import Command, Failure
from kdtalker_jax.loaded_model import DTYPES
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.motion_models.kdtalker.model import Carry, KDTalker, Noise
from kdtalker_jax.motion_models.kdtalker.parts import DENOISER

MOTION = "window of motion"
# As XLA describes the card to its compiler: multiprocessors, memory per block, caches, bytes a second.
H100 = """
gpu_device_info {
  threads_per_block_limit: 1024 threads_per_warp: 32 shared_memory_per_block: 49152 shared_memory_per_core: 233472
  threads_per_core_limit: 2048 core_count: 132 fpus_per_core: 128 block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535 block_dim_limit_z: 65535 memory_bandwidth: 3352320000000 l2_cache_size: 52428800
  clock_rate_ghz: 1.98 device_memory_size: 84978434048 shared_memory_per_block_optin: 232448
  cuda_compute_capability { major: 9 minor: 0 } registers_per_core_limit: 65536 registers_per_block_limit: 65536
}
platform_name: "CUDA" dnn_version_info { major: 9 minor: 12 } device_description_str: "NVIDIA H100 80GB HBM3"
"""
ITEM_BYTES = {
    "f64": 8,
    "s64": 8,
    "u64": 8,
    "f32": 4,
    "s32": 4,
    "u32": 4,
    "bf16": 2,
    "f16": 2,
    "s8": 1,
    "u8": 1,
    "pred": 1,
}
KINDS = ("convolution", "product", "transpose or copy", "cast", "norm or sum", "other")  # of kernels
_SHAPE = re.compile(r"\b(\w+)\[([\d,]*)\]")
_INSTRUCTION = re.compile(r"^  (?:ROOT )?%([\w.-]+) = (\(.*?\)|\S+) ([\w-]+)\((.*?)\)(?:, |$)(.*)", re.MULTILINE)
NO_KERNEL = {"parameter", "constant", "bitcast", "get-tuple-element", "tuple", "while"}
# How XLA's GPU compiler names fusions by what is in them, the first that fits.
NAMES = {
    "product": ("gemm", "dot"),
    "norm or sum": ("reduce", "softmax", "rsqrt"),
    "transpose or copy": ("transpose", "copy", "concatenate", "slice", "pad"),
    "cast": ("convert",),
}
LOWERED = ("convolution", "product", "norm or sum", "transpose", "cast to float32", "other cast")
_OPERATION = re.compile(r"stablehlo\.(\w+)(.*)$", re.MULTILINE)
_TENSOR = re.compile(r"tensor<(?:\d+x)*(\w+)>")


@click.command(cls=Command)
@model_option
@click.option("--dtype", type=click.Choice(list(DTYPES)), default="bfloat16", show_default=True, help="Of frames.")
@click.option("--batch", type=click.IntRange(1), default=8, show_default=True, help="Frames, and windows of motion.")
@click.option("--h100", is_flag=True, help="Also compile for an H100: needs JAX's CUDA plugin, and no GPU.")
@click.option("--longest", type=click.IntRange(0), default=12, show_default=True, help="Kernels named, by their bytes.")
@json_option
def main(model: str, dtype: str, batch: int, h100: bool, longest: int, json_file: Path | None) -> None:
    """Count transposes, casts and norms of the networks as lowered for CUDA, and kernels as compiled for an H100."""
    options = {"out_shardings": topology_of_h100()} if h100 else {}
    programs = traced_programs(MODELS[model], dtype, batch, **options)
    lowered = {name: traced.lower(lowering_platforms=("cuda",)) for name, traced in programs.items()}
    results: dict[str, Any] = {
        "lowered": {name: lowered_counts(program.as_text()) for name, program in lowered.items()}
    }
    echo_table(
        ("lowered for CUDA", *LOWERED), ((name, *counts.values()) for name, counts in results["lowered"].items())
    )
    for name, program in lowered.items() if h100 else ():
        kernels = list(kernels_of(program.compile().as_text()))
        results.setdefault("kernels", {})[name] = summary(kernels)
        echo_kernels(name, results["kernels"][name], sorted(kernels, key=lambda kernel: -kernel.bytes)[:longest])
    write_json(json_file, {**describe_run(model, dtype=dtype, batch=batch), **results})


def traced_programs(config: ModelConfig, dtype: str, batch: int, **jit: Any) -> dict[str, Traced]:
    """Warping, generator, the frame path and a window of motion at default steps, the last in float32."""
    mover, sizes = KDTalker(config), config.denoiser

    def shape(*sizes: int) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((batch, *sizes), jnp.float32)

    rule = jax.eval_shape(partial(mover.rule, *DEFAULT_DIFFUSION))
    noise = Noise(shape(*mover.noise_shape), jax.eval_shape(lambda: jax.random.split(jax.random.key(0), batch)))
    state = Carry(shape(sizes.motion_size), shape(sizes.motion_size))
    params = {DENOISER.name: DENOISER.shapes(config, folded=True)}

    def window(params: Any, rule: Any, state: Carry, features: jax.Array, noise: Noise) -> tuple:
        return mover.window(params, rule, state, features, mover.Controls(), noise)

    traced = jax.jit(window, **jit).trace(params, rule, state, shape(sizes.window, sizes.audio_features), noise)
    return {**trace_programs(config, dtype, batch, prepared=False, **jit), MOTION: traced}


def lowered_counts(program: str) -> dict[str, int]:
    """Operations of a StableHLO program: what the network asks for, before XLA fuses any."""
    counts = Counter(_kind_of_lowered(name, rest) for name, rest in _OPERATION.findall(program))
    return {kind: counts[kind] for kind in LOWERED}


def _kind_of_lowered(name: str, rest: str) -> str:
    if name == "convert":
        types = _TENSOR.findall(rest)
        return "cast to float32" if types[-1] == "f32" and types[0] == "bf16" else "other cast"
    return {"dot_general": "product", "reduce": "norm or sum"}.get(name, name)


class Kernel(NamedTuple):
    """What is launched, `times` in a call of the program. `bytes` are those that it reads and writes each time."""

    name: str
    kind: str
    bytes: int
    times: int
    weights: bool  # computes the same in every call, from parameters alone
    layer: str


def topology_of_h100() -> jax.sharding.Sharding:
    """Where a program for an H100 is to lie. Raises Failure where JAX has no CUDA plugin."""
    os.environ.setdefault("JAX_SKIP_CUDA_CONSTRAINTS_CHECK", "1")  # of libraries, which compiling does not need
    try:
        device = topologies.get_topology_desc("", "cuda", target_config=H100, topology="1x1x1").devices[0]
    except Exception as error:  # of many kinds, by what is missing
        raise Failure(
            f"Compiling for an H100 needs JAX's CUDA plugin, which cannot be used here ({error}): pip install "
            f"--no-deps jax-cuda13-plugin=={jax.__version__} jax-cuda13-pjrt=={jax.__version__} nvidia-cuda-nvcc."
        ) from error
    return jax.sharding.SingleDeviceSharding(device)


def kernels_of(program: str) -> Iterator[Kernel]:
    """Kernels of an optimised HLO program, those in loops as often as they run."""
    entry = program[program.index("\nENTRY ") :]
    yield from _kernels_in(entry, program, 1)


def _kernels_in(computation: str, program: str, times: int) -> Iterator[Kernel]:
    shapes: dict[str, int] = {}
    weights: dict[str, bool] = {}
    for name, shape, operation, operands, rest in _INSTRUCTION.findall(computation):
        given = [operand for operand in re.findall(r"%([\w.-]+)", operands) if operand in shapes]
        shapes[name] = _bytes(shape)
        layer = found[1] if (found := re.search(r'op_name="([^"]*)"', rest)) else ""
        is_parameter = operation == "parameter" and layer.startswith(("params", "variables"))
        weights[name] = is_parameter or operation == "constant" or (bool(given) and all(weights[one] for one in given))
        if operation == "while":
            body, trips = re.search(r"body=%([\w.-]+)", rest)[1], re.search(r'known_trip_count":{"n":"(\d+)"', rest)
            start = program.index(f"\n%{body} (")
            inner = program[start : program.index("\n}", start)]
            yield from _kernels_in(inner, program, times * int(trips[1] if trips else 1))
        elif operation not in NO_KERNEL:
            moved = shapes[name] + sum(shapes[operand] for operand in given)
            yield Kernel(name, _kind(name, operation, rest), moved, times, weights[name], layer)


def _kind(name: str, operation: str, rest: str) -> str:
    if operation == "custom-call":
        return "convolution" if "cudnn" in rest else "product"
    for kind, words in NAMES.items():
        if any(word in name for word in words):
            return kind
    return "other"


def _bytes(shape: str) -> int:
    sizes = ((kind, [int(side) for side in sides.split(",") if side]) for kind, sides in _SHAPE.findall(shape))
    return sum(ITEM_BYTES.get(kind, 0) * math.prod(sides) for kind, sides in sizes)


def summary(kernels: list[Kernel]) -> dict[str, dict[str, float]]:
    """By kind: launches and bytes of a call; and of all kinds together what is done to weights alone."""
    rows = {kind: [kernel for kernel in kernels if kernel.kind == kind and not kernel.weights] for kind in KINDS}
    rows["of weights alone"] = [kernel for kernel in kernels if kernel.weights]
    return {
        kind: {
            "launches": sum(kernel.times for kernel in of),
            "bytes": sum(kernel.times * kernel.bytes for kernel in of),
        }
        for kind, of in rows.items()
    }


def echo_kernels(name: str, counts: dict[str, dict[str, float]], longest: list[Kernel]) -> None:
    """Print kernels by kind, and those that move most."""
    click.echo()
    rows = ((kind, row["launches"], f"{row['bytes'] / 1e6:.4g}") for kind, row in counts.items())
    echo_table((f"{name}, for an H100", "launches", "MB"), rows)
    for kernel in longest:
        click.echo(f"{kernel.bytes / 1e6:8.0f} MB x {kernel.times}  {kernel.kind:18} {kernel.layer[-70:]}")


if __name__ == "__main__":
    main()
