"""AdamW as published, or Muon: what decays, how fast it learns, and the moving average of the parameters."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from configs.training import EmaConfig, TrainingConfig
from kdtalker_jax.training.muon import muon

Params = Any


def lenient(function: Callable) -> Callable:
    """Gives optax JAX's usual promotion: it mixes integers and floats, which the program around may have forbidden."""

    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            return function(*arguments, **keywords)

    return call


def chain(*transformations: optax.GradientTransformation) -> optax.GradientTransformation:
    """`optax.chain`, `lenient`."""
    chained = optax.chain(*transformations)
    return chained._replace(update=lenient(chained.update))


def learning_rate_schedule(config: TrainingConfig) -> optax.Schedule:
    """Learning rate of each step, counted from 0: up from 0 in a line, then half a cosine down to 0."""
    schedule = optax.warmup_cosine_decay_schedule(
        init_value=0.0,
        peak_value=config.peak_learning_rate,
        warmup_steps=config.optimizer.warmup_steps,
        decay_steps=config.steps,  # the warm-up among them
    )
    return lenient(schedule)


def decay_mask(params: Params) -> Params:
    """True where weights decay: everywhere but in biases, the relative position bias among them.

    Gain and offset of the layer norms do decay, as published. Rotary frequencies are not learnt at all: their
    gradient is zero, and without decay they stay as they are.
    """

    def decays(path: tuple, _: jax.Array) -> bool:
        *_, parent, name = ["", *(entry.key for entry in path)]
        if parent == "norm":
            return True
        return "bias" not in name and name != "rotary_frequencies"

    return jax.tree_util.tree_map_with_path(decays, params)


def make_optimizer(config: TrainingConfig) -> optax.GradientTransformation:
    """Clipping by the norm over all parameters, then AdamW (arXiv 1711.05101) or Muon."""
    settings, rate = config.optimizer, learning_rate_schedule(config)
    decay = {"weight_decay": settings.weight_decay, "mask": decay_mask}
    if settings.kind == "muon":
        update = muon(rate, beta1=settings.beta1, beta2=settings.beta2, **decay)
    else:
        update = optax.adamw(rate, b1=settings.beta1, b2=settings.beta2, eps=settings.epsilon, **decay)
    return chain(optax.clip_by_global_norm(settings.clip_norm), update)


def global_norm(tree: Params) -> jax.Array:
    """The Euclidean norm over all leaves, ()."""
    return jnp.sqrt(sum(jnp.square(leaf).sum() for leaf in jax.tree.leaves(tree)))


def update_ema(ema: Params, params: Params, step: jax.Array, config: EmaConfig) -> Params:
    """The moving average after `step` steps; it moves in every `every`-th of them. None stays None (switched off)."""
    rate = jnp.where(step % config.every == 0, 1 - config.decay, 0.0)
    return None if ema is None else optax.incremental_update(params, ema, rate)
