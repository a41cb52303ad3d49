"""From windows of clips to the loss on predicted landmarks, and on how they change. Pure functions."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from configs.dreamhead_training import LandmarkRun
from kdtalker_jax.diffusion.noise import window_noise
from kdtalker_jax.diffusion.prediction import noised
from kdtalker_jax.diffusion.schedule import schedule_of
from kdtalker_jax.motion_models.dreamhead.training.input import Windows
from kdtalker_jax.seeds import random_key
from kdtalker_jax.spaces.landmarks.contours import LIPS, rows_of

_STREAMS = ("time", "noise", "chances")


class Drawn(NamedTuple):
    """All that is random in a step, each sample's by its place in the batch alone."""

    times: jax.Array  # (B,) of diffusion
    noise: jax.Array  # (B, L, 3 N)
    chances: jax.Array  # (B, 2) from 0 to 1: of what is known of the first frames, of dropped sound


class Past(NamedTuple):
    """What is known of the first frames of a window, (B, L) each: 1 or 0."""

    known: jax.Array  # are given clean
    counted: jax.Array  # are judged: neither given, nor before the recording's beginning
    heard: jax.Array  # have a sound


def draw(config: LandmarkRun, windows: Windows, step: jax.Array) -> Drawn:
    """The random numbers of a step."""
    streams = jax.random.split(random_key(config.seed), len(_STREAMS))
    each = jax.vmap(jax.random.fold_in, (None, 0))  # a key for each sample
    of_times, of_noise, of_chances = (each(jax.random.fold_in(key, step), windows.position) for key in streams)
    shape, offset = windows.motion.shape[1:], config.diffusion.noise_offset
    return Drawn(
        jax.vmap(lambda key: jax.random.randint(key, (), 0, config.diffusion.times, jnp.int32))(of_times),
        jax.vmap(lambda key: window_noise(key, shape, offset))(of_noise),
        jax.vmap(lambda key: jax.random.uniform(key, (2,), jnp.float32))(of_chances),
    )


def past_of(config: LandmarkRun, chances: jax.Array) -> Past:
    """What samples with these chances (B,) know of their first frames."""
    sizes = config.landmark_denoiser
    overlap = (jnp.arange(sizes.window) < sizes.previous)[None]  # (1, L)
    given = (chances < config.known_frames)[:, None]
    first = ~given & (chances < config.known_frames + config.first_window)[:, None]
    known, before = given & overlap, first & overlap
    return Past(*(mask.astype(jnp.float32) for mask in (known, ~known & ~before, ~before)))


def landmark_losses(
    network: nn.Module, config: LandmarkRun, params: Any, windows: Windows, step: jax.Array
) -> dict[str, jax.Array]:
    """How well clean windows are found in noisy ones, (B,) each: "loss", and what it is made of.

    "places" is the mean squared error of the frames that are counted, lips as often as set; "changes" is that of the
    differences between frames, where the given ones are taken for the network's own. Frames without a face count in
    neither, nor do changes to them and from them; a window of such frames alone has a loss of 0.
    """
    drawn = draw(config, windows, step)
    past = past_of(config, drawn.chances[:, 0])
    clean = jnp.asarray(windows.motion)  # (B, L, 3 N)
    known = past.known[..., None]
    noisy = noised(clean, drawn.noise, drawn.times, schedule_of(config.diffusion))
    tokens = jnp.where(known > 0, clean, noisy)
    told = (drawn.chances[:, 1] >= config.audio_dropout).astype(jnp.float32)  # (B,)
    audio = windows.audio * past.heard[..., None] * told[:, None, None]
    found = network.apply({"params": params}, tokens, drawn.times, audio, jnp.asarray(windows.identity), past.known)
    error = jnp.where(known > 0, 0.0, found - clean)  # (B, L, 3 N)
    weights = jnp.asarray(_weights(config))[None, None]  # (1, 1, 3 N)
    seen = jnp.asarray(windows.seen)  # (B, L)
    counted, before = past.counted * seen, jnp.maximum(past.counted, past.known) * seen
    places = _mean(jnp.square(error) * weights, counted)
    judged = counted[:, 1:] * before[:, :-1]  # changes to frames that count
    changes = _mean(jnp.square(error[:, 1:] - error[:, :-1]) * weights, judged)
    return {"loss": places + config.velocity * changes, "places": places, "changes": changes}


def _weights(config: LandmarkRun) -> np.ndarray:
    """(3 N,): how often an error counts, 1 on average."""
    points = config.landmark_denoiser.points
    weights = np.ones((points, 3), np.float32)
    weights[rows_of(LIPS, points)] = config.lips
    return weights.ravel() / weights.mean()


def _mean(values: jax.Array, counted: jax.Array) -> jax.Array:
    """Of values (B, L, D) in the frames (B, L) that count: (B,)."""
    return (values.mean(axis=-1) * counted).sum(axis=1) / jnp.maximum(counted.sum(axis=1), 1)
