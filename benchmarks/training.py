"""Speed of training, beside plain PyTorch: `python -m benchmarks.training --model published --batch 8`.

The same sizes and batch for both, in one run on one machine, taking turns, so that whatever else the machine does
slows both. On a CPU also the time of a step on virtual devices; they share the same cores, so that at best it stays.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import jax
import numpy as np

from configs import MODELS, PUBLISHED_STATISTICS
from configs.training import KDTALKER, InputConfig, TrainingConfig
from kdtalker_jax import parallel
from kdtalker_jax.cli import Command
from kdtalker_jax.data.clips import open_clips
from kdtalker_jax.motion_models.kdtalker.config import DenoiserConfig
from kdtalker_jax.motion_models.kdtalker.training.input import Batches, UsableClips, stack_windows
from kdtalker_jax.motion_models.kdtalker.training.loss import Windows
from kdtalker_jax.motion_models.kdtalker.training.step import initial_state, make_train_step

ROUNDS = 3  # JAX and PyTorch take turns so often


def synthetic_clips(config: DenoiserConfig, count: int = 64, frames: int = 200) -> list[dict[str, Any]]:
    """Clips of 8 seconds, as VoxCeleb's are on average."""
    random = np.random.default_rng(0)
    sizes = {"t": 3, "exp": 3 * config.keypoints, "kp": 3 * config.keypoints, "audio": config.audio_features}

    def array(*shape: int) -> np.ndarray:
        return random.standard_normal((frames, *shape), np.float32)

    return [
        {
            "name": f"clip {i}",
            **{name: array() for name in ("scale", "yaw", "pitch", "roll")},
            **{name: array(size) for name, size in sizes.items()},
        }
        for i in range(count)
    ]


def synthetic_windows(config: TrainingConfig) -> Windows:
    """A batch of them."""
    clips = UsableClips(synthetic_clips(config.denoiser), config.denoiser.window, config.input)
    chosen = [clips[i % len(clips)] for i in range(config.batch_size)]
    positions = np.arange(config.batch_size, dtype=np.int32)
    return stack_windows(chosen, [0] * config.batch_size, config.denoiser.window, positions)


def jax_stepper(
    config: TrainingConfig, windows: Windows, mapping: parallel.Mapping = parallel.DEFAULT
) -> Callable[[int], float]:
    """A function that makes so many steps and returns the seconds that each took."""
    state = parallel.place(initial_state(config), mapping)
    step = parallel.map_step(make_train_step(config, PUBLISHED_STATISTICS), mapping)

    def run(steps: int) -> float:
        nonlocal state
        began = time.perf_counter()
        for _ in range(steps):
            state, metrics, _ = step(state, windows)
        jax.block_until_ready((state, metrics))
        return (time.perf_counter() - began) / steps

    run(1)  # compiles
    return run


def torch_stepper(config: TrainingConfig, windows: Windows, device: str, *, compiled: bool) -> Callable[[int], float]:
    """The same in PyTorch: the published recipe with its own AdamW, clipping and audio noise."""
    import torch

    from benchmarks.torch_baseline.speech import Denoiser

    denoiser = Denoiser(config.denoiser).to(device)
    predict = torch.compile(denoiser) if compiled else denoiser
    groups = {True: [], False: []}
    for name, parameter in denoiser.named_parameters():
        groups["bias" in name].append(parameter)
    settings = config.optimizer
    optimizer = torch.optim.AdamW(
        [{"params": groups[False]}, {"params": groups[True], "weight_decay": 0.0}],
        lr=config.peak_learning_rate,
        betas=(settings.beta1, settings.beta2),
        eps=settings.epsilon,
        weight_decay=settings.weight_decay,
    )
    alpha_bars = torch.cumprod(1 - torch.linspace(1e-5, 8e-3, 1000, dtype=torch.float64), 0).float().to(device)
    motion, audio = (torch.as_tensor(array, device=device) for array in (windows.motion, windows.audio))
    half = torch.autocast(device, torch.bfloat16, enabled=config.dtype == "bfloat16")

    def step() -> None:
        times = torch.randint(0, 1000, (len(motion),), device=device)
        noise = torch.randn_like(motion[:, 1:])
        signal = alpha_bars[times][:, None, None]
        noisy = signal.sqrt() * motion[:, 1:] + (1 - signal).sqrt() * noise
        tokens = torch.cat([motion[:, :1], motion[:, :1], noisy], dim=1)  # (B, 66, 70)
        context = torch.nn.functional.pad(audio, (0, 0, 2, 0))  # (B, 66, 512)
        if torch.rand(()) < config.audio_noise:
            context = context + context.mean() + context.std() * torch.randn_like(context)
        with half:
            predicted = predict(tokens, times, context)[:, 2:]
        loss = torch.nn.functional.mse_loss(predicted.float(), noise)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(denoiser.parameters(), settings.clip_norm)
        optimizer.step()

    def run(steps: int) -> float:
        began = time.perf_counter()
        for _ in range(steps):
            step()
        if device == "cuda":
            torch.cuda.synchronize()
        return (time.perf_counter() - began) / steps

    run(2 if compiled else 1)  # warms up
    return run


def flops_per_sample(config: DenoiserConfig) -> float:
    """Of a step: two for each multiply-add in matrix products, forwards once and backwards twice."""
    tokens, width, inner = 2 + config.window, config.width, config.heads * config.head_size
    residual = (config.time_features + config.audio_features) * 2 * width + 2 * width**2
    attention = 4 * width * inner + 2 * tokens * inner
    products = config.layers * (2 * residual + attention) + 2 * width * config.motion_size
    return 6.0 * products * tokens


def data_wait(config: TrainingConfig, data: Path | None, steps: int) -> float:
    """Share of the time of training that goes by waiting for batches, once everything is compiled and cached."""
    source = open_clips(data, "train") if data else synthetic_clips(config.denoiser)
    batches = Batches(UsableClips(source, config.denoiser.window, config.input), config)
    state = parallel.replicate(initial_state(config))
    step = parallel.map_step(make_train_step(config, PUBLISHED_STATISTICS))
    waited, before = 0.0, None
    for i in range(steps + 1):
        asked = time.perf_counter()
        windows = next(batches).windows
        waited += time.perf_counter() - asked
        state, metrics, _ = step(state, windows)
        jax.block_until_ready(before)  # one step ahead of what is looked at, as in training
        before = metrics
        if i == 0:
            jax.block_until_ready(metrics)
            began, waited = time.perf_counter(), 0.0
    jax.block_until_ready(before)
    return waited / (time.perf_counter() - began)


def virtual_devices(counts: list[int], arguments: list[str]) -> dict[int, float]:
    """Seconds of a step by number of virtual devices, each measured in a process of its own."""
    times = {}
    for count in counts:
        command = [sys.executable, "-m", "benchmarks.training", "--own-step-only", *arguments]
        environment = {**os.environ, "JAX_NUM_CPU_DEVICES": str(count)}
        result = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        times[count] = json.loads(result.stdout)
    return times


@click.command(cls=Command)
@click.option("--model", type=click.Choice(list(MODELS)), default="published", show_default=True, help="Sizes.")
@click.option("--batch", default=8, show_default=True, help="Samples in a step; 256 as published.")
@click.option("--steps", default=5, show_default=True, help="In each of three rounds.")
@click.option("--dtype", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True)
@click.option("--compile", "compiled", is_flag=True, help="Race torch.compile as well.")
@click.option("--devices", default="", help="Also on so many virtual devices of the CPU, as in 1,2,4.")
@click.option("--data", type=click.Path(path_type=Path), help="Data set for the waiting time.  [default: synthetic]")
@click.option("--peak_tflops", type=float, help="Of the accelerator in this dtype, for the share that is used (MFU).")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write the numbers here.")
@click.option("--own-step-only", is_flag=True, hidden=True)
def main(
    model: str, batch: int, steps: int, dtype: str, compiled: bool, devices: str, data: Path | None,
    peak_tflops: float | None, json_file: Path | None, own_step_only: bool,
) -> None:  # fmt: skip
    """Measure a step of training in JAX and in PyTorch, and how long it waits for data."""
    denoiser = MODELS[model].denoiser
    config = replace(KDTALKER, batch_size=batch, dtype=dtype, denoiser=denoiser, input=InputConfig(threads=2))
    windows = next(Batches(UsableClips(synthetic_clips(denoiser), denoiser.window, config.input), config)).windows
    steppers = {"JAX": jax_stepper(config, windows)}
    if own_step_only:
        click.echo(json.dumps(statistics.median(steppers["JAX"](steps) for _ in range(ROUNDS))))
        return
    device = "cpu" if jax.default_backend() == "cpu" else "cuda"
    steppers["PyTorch"] = torch_stepper(config, windows, device, compiled=False)
    if compiled:
        steppers["PyTorch, compiled"] = torch_stepper(config, windows, device, compiled=True)

    times: dict[str, list[float]] = {name: [] for name in steppers}
    for _ in range(ROUNDS):
        for name, run in steppers.items():
            times[name].append(run(steps))
    results: dict[str, Any] = {"device": parallel.describe(), "model": model, "batch": batch, "dtype": dtype}
    results["step_seconds"] = {name: statistics.median(values) for name, values in times.items()}
    work = flops_per_sample(denoiser) * batch
    click.echo(f"{results['device']}, {model} sizes, batch {batch}, {dtype}, {work / 1e12:.3g} TFLOP a step")
    for name, seconds in results["step_seconds"].items():
        used = f"  MFU {work / seconds / peak_tflops / 1e12:.1%}" if peak_tflops else ""
        rate = work / seconds / 1e12
        click.echo(f"{name:20} {1000 * seconds:10.1f} ms {batch / seconds:10.1f} samples/s {rate:8.3g} TFLOP/s{used}")
    results["data_wait"] = data_wait(config, data, 4 * steps)
    click.echo(f"waiting for data     {results['data_wait']:10.2%}")
    if devices:
        counts = [int(count) for count in devices.split(",")]
        arguments = ["--model", model, "--batch", str(batch), "--steps", str(steps), "--dtype", dtype]
        results["virtual_devices"] = virtual_devices(counts, arguments)
        for count, seconds in results["virtual_devices"].items():
            click.echo(f"{count} virtual devices    {1000 * seconds:10.1f} ms")
    if json_file:
        json_file.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
