"""One step of either stage, as a pure function."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from configs.playmate_training import EmotionRun, PlaymateRun
from kdtalker_jax.diffusion.prediction import snr_weights
from kdtalker_jax.motion_models.playmate.config import AdaptiveStatistics
from kdtalker_jax.motion_models.playmate.parts import EMOTIONS, TRANSFORMER
from kdtalker_jax.motion_models.playmate.training.input import Windows
from kdtalker_jax.motion_models.playmate.training.loss import (
    Losses,
    augmented,
    denoising_losses,
    draw,
    dropped,
    to_examples,
)
from kdtalker_jax.seeds import random_key
from kdtalker_jax.training.muon import muon
from kdtalker_jax.training.one_network import State, rate_schedule
from kdtalker_jax.training.optimizer import chain, global_norm, update_ema
from kdtalker_jax.training.tail import in_parts, mean_over, unless_not_finite

Params = Any


def trained_part(config: PlaymateRun) -> Any:
    """The part that a run trains."""
    return EMOTIONS if isinstance(config, EmotionRun) else TRANSFORMER


def networks_of(config: PlaymateRun) -> dict[str, nn.Module]:
    """As `loss.denoising_losses` takes them."""
    networks = {"transformer": TRANSFORMER.build(config, dtype=config.dtype)}
    if isinstance(config, EmotionRun):
        networks["emotions"] = EMOTIONS.build(config, dtype=config.dtype)
    return networks


def initial_state(config: PlaymateRun, params: Params | None = None, frozen: Params | None = None) -> State:
    """The state before the first step, from fresh parameters or from given ones."""

    def create(params: Params | None, frozen: Params | None) -> State:
        if params is None:
            params = trained_part(config).initialise(config, random_key(config.seed))["params"]
        ema = params if config.ema.enabled else None
        return State(jnp.int32(0), params, make_optimizer(config).init(params), ema, frozen)

    return jax.jit(create)(params, frozen)


def make_optimizer(config: PlaymateRun) -> optax.GradientTransformation:
    """Clipping by the norm over all parameters, then Adam (arXiv 1412.6980) or Muon."""
    settings, rate = config.optimizer, rate_schedule(config)
    if settings.kind == "muon":
        update = muon(rate, beta1=settings.beta1, beta2=settings.beta2)
    else:
        update = optax.adam(rate, b1=settings.beta1, b2=settings.beta2, eps=settings.epsilon)
    return chain(optax.clip_by_global_norm(settings.clip_norm), update)


def make_train_step(config: PlaymateRun, statistics: AdaptiveStatistics) -> Callable[..., tuple]:
    """The step of one run.

    Returns:
        train_step(state, windows, *, axis_name=None) -> (state, metrics, losses). `windows` is this device's share of
        the batch; everything random depends on the seed, the step and a sample's position in the batch alone.
        `metrics` are scalars over the whole batch: loss, expression, pose, grad_norm (before clipping),
        learning_rate, and finite: where it is False, the state is the one that came in. `losses` (B,) are those of
        this device's samples.
    """
    networks, optimizer, rate = networks_of(config), make_optimizer(config), rate_schedule(config)

    def objective(params: Params, frozen: Params | None, weights: jax.Array, *part: Any) -> tuple[jax.Array, Losses]:
        losses = denoising_losses(networks, config, params, frozen, *part)
        return (weights * losses.total).mean(), losses

    def train_step(
        state: State, windows: Windows, *, axis_name: str | None = None
    ) -> tuple[State, dict[str, jax.Array], jax.Array]:
        examples = to_examples(windows, statistics, config.diffusion_transformer.previous)
        drawn = draw(config, examples, windows.position, state.step)
        examples, heard = dropped(config, augmented(config, examples, drawn), drawn)
        weights = jnp.ones(len(drawn.times), jnp.float32)
        if config.min_snr is not None:
            weights = snr_weights(config.diffusion, drawn.times, config.min_snr)

        def gradient(carried: None, part: tuple) -> tuple[Params, None, Losses]:
            gradients, losses = jax.grad(objective, has_aux=True)(state.params, state.frozen, *part)
            return gradients, carried, losses

        batch = (weights, examples, heard, drawn.times, drawn.noise, drawn.dropout)
        gradients, _, losses = in_parts(gradient, config.accumulate, state.params, None, batch)
        gradients, means = mean_over((gradients, jax.tree.map(jnp.mean, losses)), axis_name)

        updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
        params, step = optax.apply_updates(state.params, updates), state.step + 1
        ema = update_ema(state.ema, params, step, config.ema)
        updated = state.replace(step=step, params=params, opt_state=opt_state, ema=ema)
        norm = global_norm(gradients)
        after, finite = unless_not_finite(updated, state, means.total, norm)
        metrics = {
            "loss": means.total,
            "expression": means.expression,
            "pose": means.pose,
            "grad_norm": norm,
            "learning_rate": jnp.asarray(rate(state.step), jnp.float32),
            "finite": finite,
        }
        return after, metrics, losses.total

    return train_step
