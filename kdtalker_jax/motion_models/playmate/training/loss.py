"""From windows of clips to the loss on predicted noise (section 3.3, equations 7 to 10). Pure functions."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from configs.playmate_training import EmotionRun, PlaymateRun
from kdtalker_jax.diffusion.noise import window_noise
from kdtalker_jax.diffusion.prediction import noised, signal_and_spread, target
from kdtalker_jax.diffusion.schedule import NoiseSchedule, schedule_of
from kdtalker_jax.motion_models.playmate.config import POSE, AdaptiveStatistics
from kdtalker_jax.motion_models.playmate.training.input import Windows
from kdtalker_jax.seeds import random_key

Params = Any
_STREAMS = ("time", "noise", "previous_time", "previous_noise", "chances", "dropout")


class Examples(NamedTuple):
    """What the networks are told and what they have to find, normalised."""

    previous: jax.Array  # (B, P, 70)
    motion: jax.Array  # (B, L, 70): clean
    identity: jax.Array  # (B, 63)
    audio: jax.Array  # (B, P + L, W)
    emotions: jax.Array  # (B, P + L, rows)


class Drawn(NamedTuple):
    """All that is random in a step, each sample's by its place in the batch alone."""

    times: jax.Array  # (B,) of diffusion
    noise: jax.Array  # (B, L, 70)
    previous_times: jax.Array  # (B,)
    previous_noise: jax.Array  # (B, P, 70)
    chances: jax.Array  # (B, 3) from 0 to 1: of a first window, of dropped sound, of dropped emotion
    dropout: jax.Array  # (B,) keys


class Losses(NamedTuple):
    """Mean squared error of each sample's prediction, (B,) each. Only the total is minimised."""

    total: jax.Array
    expression: jax.Array
    pose: jax.Array


def to_examples(windows: Windows, statistics: AdaptiveStatistics, previous: int) -> Examples:
    """Normalises: the pose by its clip's own statistics, the expression by those of the training set."""
    exp_mean, exp_std, kp_mean, kp_std = (
        jnp.asarray(statistics.vector(name)) for name in ("exp_mean", "exp_std", "kp_mean", "kp_std")
    )
    motion = jnp.asarray(windows.motion)
    pose = (motion[..., :POSE] - windows.pose_mean[:, None]) / windows.pose_std[:, None]
    exp = (motion[..., POSE:] - exp_mean[None, None]) / exp_std[None, None]
    motion = jnp.concatenate([pose, exp], axis=-1)  # (B, P + L, 70)
    identity = (windows.canonical - kp_mean[None]) / kp_std[None]
    audio, emotions = jnp.asarray(windows.audio), jnp.asarray(windows.emotions)
    return Examples(motion[:, :previous], motion[:, previous:], identity, audio, emotions)


def draw(config: PlaymateRun, examples: Examples, position: jax.Array, step: jax.Array) -> Drawn:
    """The random numbers of a step."""
    streams = jax.random.split(random_key(config.seed), len(_STREAMS))
    each = jax.vmap(jax.random.fold_in, (None, 0))  # a key for each sample
    keys = {name: each(jax.random.fold_in(key, step), position) for name, key in zip(_STREAMS, streams, strict=True)}

    def whole(name: str, low: int, high: int) -> jax.Array:
        return jax.vmap(lambda key: jax.random.randint(key, (), low, high, jnp.int32))(keys[name])

    def normal(name: str, like: jax.Array, offset: float = 0.0) -> jax.Array:
        return jax.vmap(lambda key: window_noise(key, like.shape[1:], offset))(keys[name])

    return Drawn(
        whole("time", 0, config.diffusion.times),
        normal("noise", examples.motion, config.diffusion.noise_offset),
        whole("previous_time", 1, max(config.previous_times, 2)),
        normal("previous_noise", examples.previous),
        jax.vmap(lambda key: jax.random.uniform(key, (3,), jnp.float32))(keys["chances"]),
        keys["dropout"],
    )


def augmented(config: PlaymateRun, examples: Examples, drawn: Drawn) -> Examples:
    """With slightly noised frames before (equation 9), and windows that begin as a recording does."""
    first = drawn.chances[:, 0] < config.first_window  # (B,)
    kept = examples.previous.shape[1]
    previous = jnp.where(first[:, None, None], examples.previous[:, -1:], examples.previous)
    silent = first[:, None] & (jnp.arange(examples.audio.shape[1]) < kept)[None]  # (B, P + L)
    audio = jnp.where(silent[..., None], 0.0, examples.audio)
    if config.previous_times > 1:
        schedule = schedule_of(config.diffusion)
        previous = noised_past(schedule, config.previous_noise, previous, drawn.previous_times, drawn.previous_noise)
    return examples._replace(previous=previous, audio=audio)


def noised_past(
    schedule: NoiseSchedule, form: str, previous: jax.Array, times: jax.Array, noise: jax.Array
) -> jax.Array:
    """Equation 9 at times (B,), with the root that it needs, or as it is "printed"."""
    signal, spread = signal_and_spread(schedule, times, previous.ndim)
    return signal * previous + (jnp.square(spread) if form == "printed" else spread) * noise


def dropped(config: PlaymateRun, examples: Examples, drawn: Drawn) -> tuple[Examples, jax.Array]:
    """With emotions that are not told, and whether sound is: (B,), 1 or 0."""
    no_sound = drawn.chances[:, 1] < config.audio_dropout
    if isinstance(config, EmotionRun):
        neither = drawn.chances[:, 2] < config.both_dropout
        no_emotion = drawn.chances[:, 2] < config.both_dropout + config.emotion_dropout
        no_sound = no_sound | neither
        none = jnp.zeros_like(examples.emotions).at[..., 0].set(1)
        examples = examples._replace(emotions=jnp.where(no_emotion[:, None, None], none, examples.emotions))
    return examples, 1 - no_sound.astype(jnp.float32)


def denoising_losses(
    networks: dict[str, nn.Module],
    config: PlaymateRun,
    params: Params,
    frozen: Params | None,
    examples: Examples,
    heard: jax.Array,
    times: jax.Array,
    noise: jax.Array,
    dropout: jax.Array | None = None,
) -> Losses:
    """How well the noise (B, L, 70) in windows at diffusion times (B,) is found.

    Args:
        networks: "transformer" and, in stage 2, "emotions".
        params: of what is trained. frozen: of the transformer in stage 2, where the loss is the expression's alone.
        heard: (B,) 1 or 0. dropout: keys (B,); None: none.
    """
    schedule = schedule_of(config.diffusion)
    noisy = noised(examples.motion, noise, times, schedule)  # (B, L, 70)
    tokens = jnp.concatenate([examples.previous, noisy], axis=1)  # (B, P + L, 70)
    wanted = target(config.diffusion.prediction, examples.motion, noise, times, schedule)  # (B, L, 70)
    given = (tokens, times, examples.audio, examples.identity, heard)
    if frozen is None:
        error = jnp.square(_predicted(networks["transformer"], params, given, dropout) - wanted)
        return Losses(error.mean(axis=(1, 2)), error[..., POSE:].mean(axis=(1, 2)), error[..., :POSE].mean(axis=(1, 2)))
    exp = _felt(networks, params, jax.lax.stop_gradient(frozen), given, examples.emotions)
    error = jnp.square(exp - wanted[..., POSE:]).mean(axis=(1, 2))
    return Losses(error, error, jnp.zeros_like(error))


def _predicted(network: nn.Module, params: Params, given: tuple, dropout: jax.Array | None) -> jax.Array:
    if dropout is None or network.config.dropout == 0:
        return network.apply({"params": params}, *given)

    def one(key: jax.Array, *sample: jax.Array) -> jax.Array:  # so that what is dropped is each sample's own
        alone = (part[None] for part in sample)
        return network.apply({"params": params}, *alone, train=True, rngs={"dropout": key})[0]

    return jax.vmap(one)(dropout, *given)


def _felt(
    networks: dict[str, nn.Module], params: Params, frozen: Params, given: tuple, emotions: jax.Array
) -> jax.Array:
    """The expression (B, L, 63) by the frozen transformer and the module between."""
    tokens, times, audio, identity, heard = given

    def transformer(*arguments: jax.Array, method: str) -> jax.Array:
        return networks["transformer"].apply({"params": frozen}, *arguments, method=method)

    sound = transformer(audio, method="hear")
    told = transformer(identity, method="identify") + transformer(times, method="embed_time")
    condition = sound * heard.astype(sound.dtype)[:, None, None] + told[:, None]
    hidden = transformer(tokens, condition, method="trunk")
    changed = networks["emotions"].apply({"params": params}, hidden, times, emotions)
    return transformer(changed, method="exp")
