"""AdamW as published, or Muon: what decays, and how fast it learns."""

from typing import Any

import jax
import optax

from configs.training import TrainingConfig
from kdtalker_jax.training.muon import muon
from kdtalker_jax.training.optimizer import chain, lenient

Params = Any


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
