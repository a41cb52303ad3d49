"""The frame path: beside PyTorch, its peak memory, and its time by layer."""

import os
from functools import partial

import jax
import numpy as np

from benchmarks.contestants import Inputs, jax_works, torch_works, tune_torch
from benchmarks.counts import FRAME, trace_programs
from benchmarks.device.machine import seconds_each
from benchmarks.device.pieces import COMPILED, Report, Settings
from benchmarks.flops import product_flops, published_work
from benchmarks.layers import layer_seconds
from benchmarks.race import REFERENCE, Work, race
from benchmarks.race import peak_memory as peak_of_process
from benchmarks.random_params import random_params
from configs import MODELS
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.renderers.liveportrait.model import SourceArrays


def race_frames(settings: Settings, report: Report) -> None:
    """From keypoints to frames in the host's memory: bfloat16 before float32, and what takes long to compile last."""
    tune_torch()
    config = MODELS[settings.model]
    traced = trace_programs(config, "bfloat16", 1)[FRAME]
    published = sum(work.flops for work in published_work(config).values())
    report("products", {"executed": product_flops(traced.jaxpr.jaxpr), "published": published})
    inputs, params = Inputs(config), random_params(config)
    for dtype in ("bfloat16", "float32"):
        model = TalkingPortrait(config, params, dtype=dtype)
        own = _frame_works(jax_works(model, inputs, settings.batches), settings)
        theirs = _frame_works(torch_works(config, inputs, settings.batches, dtype, channels_last=True), settings)
        for batch in settings.batches:
            report(f"{dtype}, batch {batch}", race({REFERENCE: theirs[batch], "JAX": own[batch]}, settings.repeats))
            seconds = seconds_each(frames_on_device(model, inputs, batch), jax.block_until_ready, settings.repeats)
            report(f"{dtype}, batch {batch}, on the device", {"seconds": seconds})
        if dtype == "bfloat16":
            works = torch_works(config, inputs, settings.batches, dtype, compiled=True, channels_last=True)
            compiled = _frame_works(works, settings)
            for batch in settings.batches:
                contestants = {COMPILED: compiled[batch], "JAX": own[batch]}
                report(f"{dtype}, batch {batch}, compiled", race(contestants, settings.repeats, reference=COMPILED))


def _frame_works(works: dict[str, Work], settings: Settings) -> dict[int, Work]:
    return {batch: works[f"{FRAME}, batch {batch}"] for batch in settings.batches}


def frames_on_device(model: TalkingPortrait, inputs: Inputs, batch: int) -> Work:
    """Begins with a batch of frames that stay on the device."""
    warping = model.config.warping
    compressed = np.ones((*inputs.volume.shape[:-1], warping.compressed_channels), np.float32)
    source, driving = jax.device_put((SourceArrays(inputs.volume, compressed, inputs.source), inputs.driving(batch)))
    return partial(model.renderer.frames, model.params, source, (), driving)


def peak_memory(settings: Settings, report: Report) -> None:
    """Bytes after batches of growing size: of the device, or of this process where that is the device."""
    config = MODELS[settings.model]
    model, inputs = TalkingPortrait(config, random_params(config), dtype="bfloat16"), Inputs(config)
    for batch in sorted(settings.batches):
        jax.block_until_ready(frames_on_device(model, inputs, batch)())
        peak = (jax.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use", peak_of_process())
        report(f"bfloat16, batch {batch}, JAX", peak)
    if tune_torch().type == "cpu":
        return
    import torch

    works = _frame_works(torch_works(config, inputs, settings.batches, "bfloat16", channels_last=True), settings)
    for batch in sorted(settings.batches):
        works[batch]()
        report(f"bfloat16, batch {batch}, PyTorch", torch.cuda.max_memory_allocated())


def profile(settings: Settings, report: Report) -> None:
    """Seconds by layer of a batch in bfloat16. Without CUDA graphs, in which kernels lose their names."""
    if jax.config.jax_platforms != "cpu":
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_enable_command_buffer="
    batch = settings.batches[0]
    compiled = trace_programs(MODELS[settings.model], "bfloat16", batch)[FRAME].lower().compile()
    report(f"bfloat16, batch {batch}", layer_seconds(compiled, 2))
