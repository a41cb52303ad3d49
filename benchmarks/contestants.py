"""One set of weights in JAX and in PyTorch, and the same work for both, input for input."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

import benchmarks.torch_baseline as baseline
from benchmarks.race import DEFAULT_DIFFUSION, REFERENCE, Work
from benchmarks.random_params import random_params
from benchmarks.torch_portrait import torch_device
from kdtalker_jax.loaded_model import DTYPES
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.motion_models.kdtalker.model import Carry, Noise
from kdtalker_jax.motion_models.kdtalker.network import PREFIX
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.renderers.liveportrait.model import SourceArrays
from kdtalker_jax.systems import find_system

PUBLISHED_STEPS = 50  # of ddim


def make_works(config: ModelConfig, batches: Sequence[int], compiled: bool, half: bool) -> dict[str, dict[str, Work]]:
    """All works, each for every contestant: plain PyTorch, JAX, and on request torch.compile and bfloat16."""
    inputs = Inputs(config)
    params = random_params(config)
    works = {REFERENCE: torch_works(config, inputs, batches, "float32")}
    works["JAX"] = jax_works(TalkingPortrait(config, params, dtype="float32"), inputs, batches)
    if half:
        works["PyTorch, bfloat16"] = torch_works(config, inputs, batches, "bfloat16")
        works["JAX, bfloat16"] = jax_works(TalkingPortrait(config, params, dtype="bfloat16"), inputs, batches)
    if compiled:
        for dtype in ("float32", "bfloat16") if half else ("float32",):
            name = "torch.compile" if dtype == "float32" else f"torch.compile, {dtype}"
            works[name] = torch_works(config, inputs, batches, dtype, compiled=True)
    return {work: {name: of[work] for name, of in works.items()} for work in works[REFERENCE]}


class Inputs:
    """Arrays of the shapes that a model takes, channels last."""

    def __init__(self, config: ModelConfig) -> None:
        self._random = np.random.default_rng(0)
        warping, denoiser, audio = config.warping, config.denoiser, config.audio_encoder
        size, window = warping.feature_size, denoiser.window
        self.image = self._random.random((1, config.appearance.image_size, config.appearance.image_size, 3), np.float32)
        self.volume = self._normal(1, warping.volume_depth, size, size, warping.volume_channels)
        self.source = 0.3 * self._normal(1, warping.keypoints, 3)
        self.features = self._normal(1, size, size, config.generator.input_channels)
        self.mel = self._normal(window, audio.mel_bands, audio.mel_columns)
        self.audio = self._normal(window, denoiser.audio_features)
        self.noise = self._normal(window, denoiser.motion_size)
        self.canonical, self.reference = self._normal(2, denoiser.motion_size)

    def driving(self, batch: int) -> np.ndarray:
        """Keypoints (batch, K, 3) of a motion of the source."""
        return self.source + np.linspace(0, 0.05, batch + 1, dtype=np.float32)[1:, None, None]

    def _normal(self, *shape: int) -> np.ndarray:
        return self._random.standard_normal(shape, np.float32)


def jax_works(model: TalkingPortrait, inputs: Inputs, batches: Sequence[int]) -> dict[str, Work]:
    """What is measured, in JAX: compiled, with all that depends on the portrait alone computed before."""
    config, params, dtype = model.config, model.params, DTYPES[model.dtype]

    def network(name: str, *arguments: Any, method: str | None = None, **keywords: Any) -> Work:
        apply = jax.jit(partial(find_system("kdtalker").parts[name].build(config, dtype=dtype).apply, method=method))
        arguments, keywords = jax.device_put((arguments, keywords))
        return lambda: jax.block_until_ready(apply(params[name], *arguments, **keywords))

    def sampled(sampler: str, steps: int) -> Work:
        mover = model.motion_model
        rule, controls = mover.rule(sampler, steps), mover.Controls()
        given = inputs.canonical[None], inputs.reference[None], inputs.audio[None], inputs.noise[None]
        canonical, reference, audio, start = jax.device_put(given)
        state, noise = Carry(canonical, reference), Noise(start, jax.random.key(0)[None])
        return lambda: np.asarray(mover.window(params, rule, state, audio, controls, noise)[1])

    def frames(batch: int) -> Work:
        driving = inputs.driving(batch)
        return lambda: np.asarray(model.renderer.frames(params, source, (), driving)[1])

    tokens = np.concatenate([inputs.canonical[None], inputs.reference[None], inputs.noise])[None]
    context = np.pad(inputs.audio, ((PREFIX, 0), (0, 0)))[None]
    compressed = network("warping", inputs.volume, method="compress")()
    source = SourceArrays(*map(jnp.asarray, (inputs.volume, compressed, inputs.source)))
    keypoints = {"source": inputs.source, "driving": inputs.driving(1)}
    return {
        "appearance": network("appearance", inputs.image),
        "motion extractor": network("motion_extractor", inputs.image),
        "warping": network("warping", inputs.volume, compressed, method="warp", **keypoints),
        "generator": network("generator", inputs.features),
        "audio encoder, a window": network("audio_encoder", inputs.mel),
        "denoiser, a step": network("denoiser", tokens, np.array([500]), context),
        f"motion of a window, {PUBLISHED_STEPS} steps each": sampled("ddim", PUBLISHED_STEPS),
        "motion of a window, default steps": sampled(*DEFAULT_DIFFUSION),
        **{f"frame path, batch {batch}": frames(batch) for batch in batches},
    }


def tune_torch() -> torch.device:
    """PyTorch's device at its best for a race: of the forms of convolutions the fastest, tf32 where JAX takes it, each
    shape compiled for itself, and the other half of the memory left to JAX."""
    device = torch_device()
    torch.set_float32_matmul_precision("high")
    torch._dynamo.config.automatic_dynamic_shapes = False
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.cuda.set_per_process_memory_fraction(0.5)
    return device


def torch_works(
    config: ModelConfig,
    inputs: Inputs,
    batches: Sequence[int],
    dtype: str,
    compiled: bool = False,
    channels_last: bool = False,
) -> dict[str, Work]:
    """The same in PyTorch, where the default number of steps is the published one."""
    device, precision = torch_device(), getattr(torch, dtype)
    networks = baseline.tune(baseline.random_networks(config, device, precision), channels_last, compiled)

    def tensor(array: np.ndarray, to: torch.dtype = precision) -> torch.Tensor:
        return torch.from_numpy(array).to(device, to)

    def channels_first(array: np.ndarray) -> torch.Tensor:
        return tensor(np.ascontiguousarray(np.moveaxis(array, -1, 1)))

    def finished(function: Callable, *arguments: Any) -> Work:
        def work() -> Any:
            with torch.inference_mode():
                result = function(*arguments)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            return result

        return work

    image, volume = channels_first(inputs.image), channels_first(inputs.volume)
    source, driving = (tensor(array, torch.float32) for array in (inputs.source, inputs.driving(1)))
    canonical, reference, noise = (
        tensor(array, torch.float32)[None] for array in (inputs.canonical, inputs.reference, inputs.noise)
    )
    audio = tensor(inputs.audio)[None]
    context = torch.nn.functional.pad(audio, (0, 0, PREFIX, 0))
    tokens = torch.cat([canonical[None], reference[None], noise], 1).to(precision)
    sampled = finished(baseline.ddim, networks.denoiser, noise, canonical, reference, audio, PUBLISHED_STEPS)

    def frames(batch: int) -> torch.Tensor:
        volumes, sources = volume.expand(batch, *volume.shape[1:]), source.expand(batch, *source.shape[1:])
        moved = tensor(inputs.driving(batch), torch.float32)
        return baseline.to_uint8(baseline.render(networks.warping, networks.generator, volumes, sources, moved)).cpu()

    return {
        "appearance": finished(networks.appearance, image),
        "motion extractor": finished(networks.motion_extractor, image),
        "warping": finished(networks.warping, volume, source, driving),
        "generator": finished(networks.generator, channels_first(inputs.features)),
        "audio encoder, a window": finished(baseline.audio_features, networks.audio_encoder, tensor(inputs.mel)),
        "denoiser, a step": finished(networks.denoiser, tokens, torch.tensor([500], device=device), context),
        f"motion of a window, {PUBLISHED_STEPS} steps each": sampled,
        "motion of a window, default steps": sampled,
        **{f"frame path, batch {batch}": finished(frames, batch) for batch in batches},
    }
