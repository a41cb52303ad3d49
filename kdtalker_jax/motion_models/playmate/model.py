"""Playmate as a `motion_models.protocol.MotionModel`: a window of motion from noise, sound, emotion and its past."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from kdtalker_jax.diffusion.config import DiffusionConfig
from kdtalker_jax.diffusion.guidance import nested
from kdtalker_jax.diffusion.noise import Noise, noise_of_calls, noise_of_window
from kdtalker_jax.diffusion.prediction import as_noise, noised
from kdtalker_jax.diffusion.samplers import StepRule, make_sampler, sample
from kdtalker_jax.diffusion.schedule import schedule_of
from kdtalker_jax.errors import InputError
from kdtalker_jax.features.protocol import FeatureSpec
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.motion_models.playmate.config import POSE, AdaptiveStatistics
from kdtalker_jax.motion_models.playmate.controls import Controls, Felt, Held, Told, told
from kdtalker_jax.motion_models.playmate.parts import EMOTIONS, PARTS, TRANSFORMER
from kdtalker_jax.spaces.implicit_keypoints import Head, ImplicitKeypoints
from kdtalker_jax.systems import unequal


class Past(NamedTuple):
    """What a window rests on beside its sound, normalised but for the pose."""

    identity: jax.Array  # (B, 63): canonical keypoints, which tell whose head it is
    pose: jax.Array  # (B, 7): the portrait's own, which the performance moves around
    motion: jax.Array  # (B, P, 70): of the frames before
    heard: jax.Array  # (B, P, W): their features


class Carry(NamedTuple):
    """From window to window."""

    index: Any  # () int, of the next window: on the host, so that nobody waits for it
    past: Past


class Playmate:
    """The networks at the sizes of a model, which need not have the emotion module. `jit` is for tests."""

    parts = PARTS
    settings: Mapping[str, type] = {"diffusion": DiffusionConfig, "statistics": AdaptiveStatistics}
    Controls = Controls
    ending = "silence"
    smooth = 0.0

    def __init__(self, config: ModelConfig, dtype: DTypeLike = jnp.float32, jit: Callable = jax.jit) -> None:
        self._config, self._diffusion, self._statistics = (
            config.diffusion_transformer, config.diffusion, config.statistics
        )  # fmt: skip
        self.feels = EMOTIONS.name in config.sections
        self.makes = ImplicitKeypoints(self._config.keypoints)
        self.hears = FeatureSpec(FRAME_RATE, self._config.audio_features)
        self.length, self.sampler = self._config.window, self._diffusion.sampler
        self.noise_shape = (self.length, self._config.motion_size)
        networks = {part.name: part.build(config, dtype=dtype) for part in PARTS if part.name in config.sections}
        self._window = jit(partial(sample_window, networks, self._diffusion, self._statistics))

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        """The sections check themselves."""

    @classmethod
    def disagreement(cls, config: ModelConfig, names: Collection[str]) -> str | None:
        sizes, of_statistics = config.diffusion_transformer, len(config.statistics.exp_mean) // 3
        if TRANSFORMER.name in names and sizes.keypoints != of_statistics:
            return f"keypoints: {sizes.keypoints} of {TRANSFORMER.name} and {of_statistics} of statistics"
        parts = [part.name for part in PARTS if part.name in config.sections]
        return unequal({"width": {name: config.sections[name].width for name in parts}}, names)

    def rule(self, sampler: str, steps: int) -> StepRule:
        return make_sampler(sampler, steps, schedule_of(self._diffusion))

    def check_controls(self, controls: Controls) -> None:
        if controls.feelings and not self.feels:
            raise InputError("This model has no emotion module: it can be asked for no `emotion`.")

    def begin(self, own: Sequence[Head]) -> Carry:
        """Copies of the portrait as it is stand for the frames before the first, in silence."""
        sizes, statistics = self._config, self._statistics
        pose = np.stack([head.motion.to_vector()[0, :POSE] for head in own])
        exp = np.stack([statistics.expression(head.motion.exp[0]) for head in own])
        first = np.concatenate([np.zeros_like(pose), exp], axis=1)  # (B, 70)
        motion = np.repeat(first[:, None], sizes.previous, axis=1)
        heard = np.zeros((len(own), sizes.previous, sizes.audio_features), np.float32)
        identity = np.stack([statistics.identity(head.canonical) for head in own])
        return Carry(np.int32(0), Past(*map(jnp.asarray, (identity, pose, motion, heard))))

    def noise(self, keys: jax.Array, index: int, given: np.ndarray | None = None) -> Noise:
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
        asked = told(controls, state.index, self._config)
        used = (TRANSFORMER.name,) if asked.felt is None else (TRANSFORMER.name, EMOTIONS.name)
        past, motion = self._window({name: params[name] for name in used}, rule, state.past, features, asked, noise)
        return Carry(state.index + np.int32(1), past), motion

    def in_units(self, motion: np.ndarray) -> np.ndarray:
        return motion  # each portrait moves around a pose of its own: `window` knows it


def sample_window(
    networks: Mapping[str, nn.Module],
    diffusion: DiffusionConfig,
    statistics: AdaptiveStatistics,
    params: Mapping[str, Any],
    rule: StepRule,
    past: Past,
    features: jax.Array,
    asked: Told,
    noise: Noise,
) -> tuple[Past, jax.Array]:
    """One window of motion (B, L, 70), in the extractor's units, from its audio features (B, L, W)."""
    schedule = schedule_of(diffusion)
    of_times, answer = guided_network(networks, params, rule.time, past, features, asked)

    def denoise(x: jax.Array, now: tuple[jax.Array, Any]) -> jax.Array:
        time, of_time = now
        if asked.held is not None:
            given = noised(asked.held.normalised[None], noise.start[..., :POSE], time, schedule)
            x = _held(x, given, asked.held)
        return as_noise(diffusion.prediction, answer(x, of_time), x, time, schedule)

    added = None if rule.noise is None else noise_of_calls(noise, rule.calls, diffusion.noise_offset)
    motion = sample(denoise, rule, noise.start, noise=added, told=(rule.time, of_times))  # (B, L, 70)
    if asked.held is not None:
        motion = _held(motion, asked.held.normalised[None], asked.held)
    kept = past.motion.shape[1]
    after = past._replace(
        motion=jnp.concatenate([past.motion, motion], axis=1)[:, -kept:],
        heard=jnp.concatenate([past.heard, features], axis=1)[:, -kept:],
    )
    return after, in_units(motion, past.pose, statistics, asked)


def guided_network(
    networks: Mapping[str, nn.Module],
    params: Mapping[str, Any],
    times: jax.Array,
    past: Past,
    features: jax.Array,
    asked: Told,
) -> tuple[Any, Callable[[jax.Array, Any], jax.Array]]:
    """What the networks answer to a noisy window, by nested guidance (equation 8).

    The emotion enters after the trunk. So three answers, to nothing, to the sound, and to sound and emotion, take two
    passes of the trunk, which are one call on twice the batch; and the pose hears nothing of emotions.

    Returns:
        What the times (calls,) are to the networks, a pytree of (calls, ...), and
        (x (B, L, 70), that of one time) -> (B, L, 70).
    """
    transformer = partial(networks[TRANSFORMER.name].apply, params[TRANSFORMER.name])
    audio = jnp.concatenate([past.heard, features], axis=1)  # (B, P + L, W)
    sound = transformer(audio, method="hear")
    known = jnp.concatenate([jnp.zeros_like(sound), sound])  # (2 B, P + L, D)
    known = known + jnp.tile(transformer(past.identity, method="identify"), (2, 1))[:, None]
    of_times = (transformer(times, method="embed_time"), None)  # (calls, D)
    if asked.felt is not None:
        feel = partial(networks[EMOTIONS.name].apply, params[EMOTIONS.name])
        feelings = _feelings(feel, asked.felt, len(features))  # (3 B, P + L, D)
        of_times = (of_times[0], feel(times, method="embed_time"))

    def answer(x: jax.Array, of_time: Any) -> jax.Array:
        tokens = jnp.tile(jnp.concatenate([past.motion, x], axis=1), (2, 1, 1))  # (2 B, P + L, 70)
        hidden = transformer(tokens, known + of_time[0][None, None], method="trunk")  # (2 B, P + L, D)
        pose = nested(jnp.split(transformer(hidden, method="pose"), 2), (asked.audio_guidance,))
        scales = (asked.audio_guidance,)
        if asked.felt is not None:
            hidden = jnp.concatenate([hidden, hidden[len(x) :]])  # (3 B, P + L, D)
            hidden = feel(hidden, feelings + of_time[1][None, None], method="change")
            scales = (asked.audio_guidance, asked.felt.guidance[None, :, None])
        exp = nested(jnp.split(transformer(hidden, method="exp"), len(scales) + 1), scales)
        return jnp.concatenate([pose, exp], axis=-1)

    return of_times, answer


def _feelings(feel: Callable[..., jax.Array], felt: Felt, batch: int) -> jax.Array:
    """Of the three answers of all requests: none, none, and what is asked for, (3 B, P + L, D)."""
    asked = jnp.asarray(felt.weights)[None]  # (1, P + L, rows)
    none = jnp.zeros_like(asked).at[..., 0].set(1)
    of_answers = feel(jnp.concatenate([none, none, asked]), method="feel")  # (3, P + L, D)
    return jnp.repeat(of_answers, batch, axis=0)


def _held(x: jax.Array, pose: jax.Array, held: Held) -> jax.Array:
    """Motion (B, L, 70) with a given pose (1 or B, L, 7), as far as the mask says."""
    return x.at[..., :POSE].set(jnp.where(held.mask[None, None], pose, x[..., :POSE]))


def in_units(motion: jax.Array, own: jax.Array, statistics: AdaptiveStatistics, asked: Told) -> jax.Array:
    """Undoes the normalisation of (B, L, 70), around poses (B, 7)."""
    spread, mean, std = (jnp.asarray(statistics.vector(name)) for name in ("pose_spread", "exp_mean", "exp_std"))
    pose = own[:, None] + asked.pose_amplitude * spread[None, None] * motion[..., :POSE]
    motion = jnp.concatenate([pose, mean[None, None] + std[None, None] * motion[..., POSE:]], axis=-1)
    return motion if asked.held is None else _held(motion, jnp.asarray(asked.held.pose)[None], asked.held)
