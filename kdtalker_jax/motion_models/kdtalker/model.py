"""KDTalker as a `motion_models.protocol.MotionModel`: a window of motion from noise, sound and the frame before it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from kdtalker_jax.diffusion.config import DiffusionConfig
from kdtalker_jax.diffusion.noise import Noise, noise_of_calls, noise_of_window
from kdtalker_jax.diffusion.prediction import as_noise
from kdtalker_jax.diffusion.samplers import StepRule, make_sampler, sample
from kdtalker_jax.diffusion.schedule import schedule_of
from kdtalker_jax.features.protocol import FeatureSpec
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.motion_models.kdtalker.network import PREFIX
from kdtalker_jax.motion_models.kdtalker.parts import DENOISER, PARTS
from kdtalker_jax.spaces.implicit_keypoints import Head, ImplicitKeypoints
from kdtalker_jax.spaces.keypoints import canonical_token, denormalise, normalise
from kdtalker_jax.spaces.statistics import MotionStatistics


class Carry(NamedTuple):
    """What a window rests on beside its sound, normalised."""

    canonical: jax.Array  # (B, 70): seven zeros and the canonical keypoints, which tell whose head it is
    reference: jax.Array  # (B, 70): the frame before the window


@dataclass(frozen=True)
class Controls:
    """KDTalker can be asked for nothing but a performance of the words."""


class KDTalker:
    """The denoiser at the sizes of a model. `jit` exists so that tests can count traces."""

    parts = PARTS
    settings: Mapping[str, type] = {"diffusion": DiffusionConfig, "statistics": MotionStatistics}
    Controls = Controls
    ending = "beginning"  # as published
    smooth = 1.0

    def __init__(self, config: ModelConfig, dtype: DTypeLike = jnp.float32, jit: Callable = jax.jit) -> None:
        self._config, self._diffusion, self._statistics = config.denoiser, config.diffusion, config.statistics
        self.makes = ImplicitKeypoints(self._config.keypoints)
        self.hears = FeatureSpec(FRAME_RATE, self._config.audio_features)
        self.length, self.sampler = self._config.window, self._diffusion.sampler
        self.noise_shape = (self.length, self._config.motion_size)
        self._window = jit(partial(sample_window, DENOISER.build(config, dtype=dtype), self._diffusion))

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        """The sections check themselves."""

    @classmethod
    def disagreement(cls, config: ModelConfig, names: Collection[str]) -> str | None:
        of_statistics = len(config.statistics.exp_mean) // 3
        if DENOISER.name in names and config.denoiser.keypoints != of_statistics:
            return f"keypoints: {config.denoiser.keypoints} of denoiser and {of_statistics} of statistics"
        return None

    def rule(self, sampler: str, steps: int) -> StepRule:
        return make_sampler(sampler, steps, schedule_of(self._diffusion))

    def check_controls(self, controls: Controls) -> None:
        """There is nothing that they could ask for."""

    def begin(self, own: Sequence[Head]) -> Carry:
        reference = [normalise(head.motion.to_vector()[0], self._statistics) for head in own]
        canonical = [canonical_token(head.canonical, self._statistics) for head in own]
        return Carry(jnp.stack(canonical), jnp.asarray(np.stack(reference)))

    def noise(self, keys: jax.Array, index: int, given: np.ndarray | None = None) -> Noise:
        """From keys of the window alone: a longer recording begins with the same motion."""
        return noise_of_window(keys, index, self.noise_shape, self._diffusion.noise_offset, given)

    def window(
        self,
        params: Mapping[str, Any],
        rule: StepRule,
        state: Carry,
        features: jax.Array,
        controls: Controls,
        noise: Noise,
    ) -> tuple[Carry, jax.Array]:
        return self._window(params[DENOISER.name], rule, state, features, noise)

    def in_units(self, motion: np.ndarray) -> np.ndarray:
        return denormalise(motion, self._statistics)


def sample_window(
    network: nn.Module,
    diffusion: DiffusionConfig,
    params: Any,
    rule: StepRule,
    state: Carry,
    features: jax.Array,
    noise: Noise,
) -> tuple[Carry, jax.Array]:
    """One window of normalised motion (B, L, 70) from its audio features (B, L, 512)."""
    prefix = jnp.stack([state.canonical, state.reference], axis=1)  # (B, 2, 70)
    context = jnp.pad(features, ((0, 0), (PREFIX, 0), (0, 0)))  # (B, 2 + L, 512): no audio for the prefix
    denoiser = partial(network.apply, params)
    of_times = denoiser(rule.time, method="terms_of_time")  # (calls, 2 * width) each
    of_audio = denoiser(context, method="terms_of_audio")  # (B, 2 + L, 2 * width) each

    def denoise(x: jax.Array, told: tuple[jax.Array, list[jax.Array]]) -> jax.Array:
        time, of_time = told
        tokens = jnp.concatenate([prefix, x], axis=1)  # (B, 2 + L, 70)
        of_time = [term[None] for term in of_time]  # (1, 2 * width) each
        predicted = denoiser(tokens, of_time, of_audio, method="predict")[:, PREFIX:]
        return as_noise(diffusion.prediction, predicted, x, time, schedule_of(diffusion))

    added = None if rule.noise is None else noise_of_calls(noise, rule.calls, diffusion.noise_offset)
    motion = sample(denoise, rule, noise.start, noise=added, told=(rule.time, of_times))  # (B, L, 70)
    return Carry(state.canonical, motion[:, -1]), motion
