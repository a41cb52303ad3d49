"""The machine: what it is, and its ceilings."""

import platform
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.contestants import tune_torch
from benchmarks.device import weights
from benchmarks.device.pieces import Report, Settings
from benchmarks.race import describe_run
from configs import MODELS

QUESTION = "--query-gpu=name,driver_version,memory.total,clocks.sm,power.limit"


def describe(settings: Settings, report: Report) -> None:
    """What is here; and the random weights are made, which all other pieces read."""
    report("run", describe_run(settings.model, python=platform.python_version()))
    device = jax.local_devices()[0]
    report("memory", (device.memory_stats() or {}).get("bytes_limit"))
    if shutil.which("nvidia-smi"):
        answer = subprocess.run(["nvidia-smi", QUESTION, "--format=csv,noheader"], capture_output=True, text=True)
        report("nvidia-smi", answer.stdout.strip())
    began = time.perf_counter()
    weights.keep(settings.model)
    report("weights", {"seconds": time.perf_counter() - began})


def ceilings(settings: Settings, report: Report) -> None:
    """Rates of JAX, then of PyTorch: products of random square matrices, a copy, and the generator's convolution."""
    side, repeats = (256, 2) if settings.tiny else (8192, 5)
    generator = MODELS[settings.model].generator
    picture = (settings.batches[0], 64, 64, generator.width)
    normal = np.random.default_rng(0).standard_normal
    matrix = normal((side, side), np.float32)
    copied = normal(1 << (16 if settings.tiny else 28), np.float32)  # 1 GiB: many times any cache
    x, kernel = normal(picture, np.float32), normal((3, 3, generator.width, generator.width), np.float32)
    products, bytes_moved = 2 * side**3, 2 * copied.nbytes
    convolved = 2 * x.size * 9 * generator.width

    def rate(function: Callable[..., Any], finish: Callable[[Any], Any], amount: float, *arguments: Any) -> dict:
        seconds = seconds_each(partial(function, *arguments), finish, repeats=repeats)
        return {"seconds": seconds, "per_second": amount / seconds}

    multiply, add = jax.jit(jnp.matmul), jax.jit(lambda x: x + 1)
    convolve = jax.jit(lambda x, k: jax.lax.conv_general_dilated(x, k, (1, 1), "SAME", dimension_numbers=CHANNELS_LAST))
    finish = jax.block_until_ready
    for name, dtype in (("bfloat16", jnp.bfloat16), ("tf32", jnp.float32)):
        own = jnp.asarray(matrix, dtype)
        report(f"product, {name}, JAX", rate(multiply, finish, products, own, own))
        own = jnp.asarray(x, dtype), jnp.asarray(kernel, dtype)
        report(f"convolution, {name}, JAX", rate(convolve, finish, convolved, *own))
    report("memory, JAX", rate(add, finish, bytes_moved, jnp.asarray(copied)))

    import torch

    device = tune_torch()
    wait = torch.cuda.synchronize if device.type == "cuda" else (lambda: None)
    for name, dtype in (("bfloat16", torch.bfloat16), ("tf32", torch.float32)):
        own = torch.from_numpy(matrix).to(device, dtype)
        report(f"product, {name}, PyTorch", rate(torch.matmul, lambda _: wait(), products, own, own))
        own = torch.from_numpy(x).to(device, dtype).permute(0, 3, 1, 2)  # channels last in memory
        taps = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy()).to(device, dtype)
        taps = taps.contiguous(memory_format=torch.channels_last)
        convolve = partial(torch.nn.functional.conv2d, padding=1)
        report(f"convolution, {name}, PyTorch", rate(convolve, lambda _: wait(), convolved, own, taps))


CHANNELS_LAST = ("NHWC", "HWIO", "NHWC")


def seconds_each(start: Callable[[], Any], finish: Callable[[Any], Any], repeats: int, calls: int = 5) -> float:
    """Of a call whose work goes on after it returns: several are begun, and the last one waited for."""
    finish(start())
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        for _ in range(calls):
            last = start()
        finish(last)
        times.append((time.perf_counter() - began) / calls)
    return statistics.median(times)
