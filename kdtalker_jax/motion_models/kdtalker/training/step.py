"""One step of training, as a pure function."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax

from configs.training import TrainingConfig
from kdtalker_jax.diffusion.config import DiffusionConfig
from kdtalker_jax.diffusion.noise import window_noise
from kdtalker_jax.diffusion.prediction import snr_weights
from kdtalker_jax.diffusion.schedule import schedule_of
from kdtalker_jax.motion_models.kdtalker.network import Denoiser
from kdtalker_jax.motion_models.kdtalker.parts import DENOISER
from kdtalker_jax.motion_models.kdtalker.training.loss import (
    Examples,
    Losses,
    Windows,
    add_audio_noise,
    denoising_losses,
    to_examples,
)
from kdtalker_jax.motion_models.kdtalker.training.optimizer import learning_rate_schedule, make_optimizer
from kdtalker_jax.seeds import random_key
from kdtalker_jax.spaces.statistics import MotionStatistics
from kdtalker_jax.training.optimizer import global_norm, update_ema
from kdtalker_jax.training.tail import in_parts, mean_over, unless_not_finite

Params = Any
TrainStep = Callable[..., tuple["TrainState", dict[str, jax.Array], jax.Array]]


class TrainState(flax.struct.PyTreeNode):
    """All that changes in training. With the seed and the data set it determines everything that follows."""

    step: jax.Array  # () int32: how many have been made
    params: Params
    opt_state: optax.OptState
    ema: Params | None  # None: switched off


def initial_state(config: TrainingConfig, params: Params | None = None) -> TrainState:
    """The state before the first step, from fresh parameters or from given ones."""

    def create(params: Params | None) -> TrainState:
        if params is None:
            key = random_key(config.seed)
            params = DENOISER.initialise(config, key)["params"]
        ema = params if config.ema.enabled else None
        return TrainState(jnp.int32(0), params, make_optimizer(config).init(params), ema)

    return jax.jit(create)(params)


def make_train_step(
    config: TrainingConfig, statistics: MotionStatistics, optimizer: optax.GradientTransformation | None = None
) -> TrainStep:
    """The step of one run.

    Args:
        config: of the run.
        statistics: that the motion is normalised with.
        optimizer: instead of the one that the configuration describes.

    Returns:
        train_step(state, windows, *, axis_name=None) -> (state, metrics, losses). `windows` is this device's share of
        the batch; everything random depends on the seed, the step and a sample's position in the batch alone, so
        that any number of devices gives the same. `metrics` are scalars over the whole batch: loss, expression,
        pose, grad_norm (before clipping), learning_rate, and finite: where it is False, the state is the one that
        came in. `losses` (B,) are those of this device's samples.
    """
    denoiser = Denoiser(config.denoiser, dtype=config.dtype)
    optimizer = optimizer or make_optimizer(config)
    learning_rate = learning_rate_schedule(config)

    def train_step(
        state: TrainState, windows: Windows, *, axis_name: str | None = None
    ) -> tuple[TrainState, dict[str, jax.Array], jax.Array]:
        examples, times, noise = draw(config, to_examples(windows, statistics), windows.position, state.step, axis_name)
        weights = jnp.ones(times.shape, jnp.float32)
        if config.min_snr is not None:
            weights = snr_weights(config.diffusion, times, config.min_snr)
        batch = (weights, examples, times, noise)
        gradients, losses = mean_gradients(
            denoiser, config.diffusion, config.accumulate, state.params, batch, config.first_frame
        )
        gradients = mean_over(gradients, axis_name)
        means = mean_over(jax.tree.map(jnp.mean, losses), axis_name)

        updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        step = state.step + 1
        updated = TrainState(step, params, opt_state, update_ema(state.ema, params, step, config.ema))

        grad_norm = global_norm(gradients)
        after, finite = unless_not_finite(updated, state, means.total, grad_norm)
        metrics = {
            "loss": means.total,
            "expression": means.expression,
            "pose": means.pose,
            "grad_norm": grad_norm,
            "learning_rate": jnp.asarray(learning_rate(state.step), jnp.float32),
            "finite": finite,
        }
        return after, metrics, losses.total

    return train_step


def draw(
    config: TrainingConfig, examples: Examples, position: jax.Array, step: jax.Array, axis_name: str | None
) -> tuple[Examples, jax.Array, jax.Array]:
    """The random numbers of a step: examples with or without audio noise, times (B,), noise (B, L, 70)."""
    time_key, noise_key, choice_key, audio_key = (
        jax.random.fold_in(key, step) for key in jax.random.split(random_key(config.seed), 4)
    )
    each = jax.vmap(jax.random.fold_in, (None, 0))  # a key for each sample
    times_count = schedule_of(config.diffusion).times
    draw_time = partial(jax.random.randint, shape=(), minval=0, maxval=times_count, dtype=jnp.int32)
    times = jax.vmap(draw_time)(each(time_key, position))  # (B,)
    shape = examples.motion.shape[1:]
    offset = config.diffusion.noise_offset
    noise = jax.vmap(lambda key: window_noise(key, shape, offset))(each(noise_key, position))  # (B, L, 70)
    noised = add_audio_noise(examples.audio, each(audio_key, position), axis_name)
    chosen = jax.random.bernoulli(choice_key, config.audio_noise)
    return examples._replace(audio=jnp.where(chosen, noised, examples.audio)), times, noise


def mean_gradients(
    denoiser: Denoiser,
    diffusion: DiffusionConfig,
    parts: int,
    params: Params,
    batch: tuple[jax.Array, Examples, jax.Array, jax.Array],
    first_frame: float = 1.0,
) -> tuple[Params, Losses]:
    """Gradients of the weighted mean loss and the losses (B,), a part of the batch at a time.

    A batch has weights (B,), and the arrays that `denoising_losses` takes.
    """

    def objective(params: Params, weights: jax.Array, *part: Any) -> tuple[jax.Array, Losses]:
        losses = denoising_losses(denoiser, diffusion, params, *part, first_frame)
        return (weights * losses.total).mean(), losses

    def gradient(carried: None, part: tuple) -> tuple[Params, None, Losses]:
        gradients, losses = jax.grad(objective, has_aux=True)(params, *part)
        return gradients, carried, losses

    gradients, _, losses = in_parts(gradient, parts, params, None, batch)
    return gradients, losses
