"""Motion: of eight seconds, of windows in batches, and a step of its training."""

from dataclasses import replace

import jax
import numpy as np

import benchmarks.torch_baseline as baseline
from benchmarks.contestants import PUBLISHED_STEPS, Inputs, tune_torch
from benchmarks.device.machine import seconds_each
from benchmarks.device.pieces import COMPILED, Report, Settings
from benchmarks.race import DEFAULT_DIFFUSION, REFERENCE, Work, race
from benchmarks.random_params import random_params
from benchmarks.training import flops_per_sample, jax_stepper, synthetic_windows, torch_stepper
from configs import MODELS
from configs.training import KDTALKER
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.motion_models.kdtalker.model import Carry, KDTalker
from kdtalker_jax.motion_models.windows import motion_windows
from kdtalker_jax.seeds import random_key
from kdtalker_jax.spaces.implicit_keypoints import Head
from kdtalker_jax.spaces.keypoints import Motion

FRAMES = 200  # 8 s


def race_motion(settings: Settings, report: Report) -> None:
    """From audio features to motion vectors in the host's memory: default steps here, 50 of ddim there, float32."""
    config, inputs = MODELS[settings.model], Inputs(MODELS[settings.model])
    params = jax.device_put(random_params(config))
    frames = 70 if settings.tiny else FRAMES
    features = np.random.default_rng(1).standard_normal((frames, config.denoiser.audio_features), np.float32)
    own = _motion_here(config, params, inputs, features)
    report("8 s", race({REFERENCE: _motion_there(config, inputs, features, False), "JAX": own}, settings.repeats))

    mover = KDTalker(config)
    for batch in (1, 4) if settings.tiny else (1, 8, 32, 128):
        rows = [np.repeat(array[None], batch, 0) for array in (inputs.canonical, inputs.reference, inputs.audio)]
        state, audio = Carry(*rows[:2]), rows[2]
        noise = mover.noise(jax.random.split(jax.random.key(0), batch), 0)
        given = jax.device_put((state, audio, noise))
        rule = mover.rule(*DEFAULT_DIFFUSION)

        def start(rule=rule, given=given) -> jax.Array:
            state, audio, noise = given
            return mover.window(params, rule, state, audio, mover.Controls(), noise)[1]

        seconds = seconds_each(start, jax.block_until_ready, settings.repeats)
        report(f"windows, batch {batch}", {"seconds": seconds, "per_second": batch / seconds})
    compiled = {COMPILED: _motion_there(config, inputs, features, True), "JAX": own}
    report("8 s, compiled", race(compiled, settings.repeats, reference=COMPILED))


def _motion_here(config: ModelConfig, params: dict, inputs: Inputs, features: np.ndarray) -> Work:
    mover, key = KDTalker(config), random_key(0)
    rule, length = mover.rule(*DEFAULT_DIFFUSION), mover.length
    motion = Motion.from_vector(mover.in_units(inputs.reference[None]))
    own = Head(inputs.canonical[-3 * config.denoiser.keypoints :], motion)
    windows = [features[start : start + length] for start in range(0, len(features), length)]

    def work() -> np.ndarray:
        pending = list(motion_windows(mover, params, rule, own, windows, key, mover.Controls()))
        return np.concatenate([window.vectors(mover) for window in pending])

    return work


def _motion_there(config: ModelConfig, inputs: Inputs, features: np.ndarray, compiled: bool) -> Work:
    import torch

    device = tune_torch()
    denoiser = baseline.tune(baseline.random_networks(config, device), compiled=compiled).denoiser
    length = config.denoiser.window
    noise = torch.randn(-(-len(features) // length), length, config.denoiser.motion_size, device=device)
    arrays = features, inputs.canonical[None], inputs.reference[None]
    heard, canonical, reference = (torch.from_numpy(array).to(device) for array in arrays)
    return lambda: baseline.animate(denoiser, heard, noise, canonical, reference, PUBLISHED_STEPS).cpu().numpy()


def train(settings: Settings, report: Report) -> None:
    """Seconds of a step at the published batch of 256, in bfloat16 and then in float32, in turns with PyTorch."""
    batch, steps = (8, 1) if settings.tiny else (256, 10)
    denoiser = MODELS[settings.model].denoiser
    device = tune_torch().type
    for dtype in ("bfloat16", "float32"):
        config = replace(KDTALKER, batch_size=batch, dtype=dtype, denoiser=denoiser)
        windows = synthetic_windows(config)
        report("flops", flops_per_sample(denoiser) * batch)
        steppers = {"JAX": jax_stepper(config, windows)}
        for name, compiled in ((REFERENCE, False), (COMPILED, True)):
            steppers[name] = torch_stepper(config, windows, device, compiled=compiled)
            times = {stepper: sorted(run(steps) for _ in range(3))[1] for stepper, run in steppers.items()}
            report(dtype, {"batch": batch, "seconds": times})
