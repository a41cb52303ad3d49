"""What the optimisers of all trainings share, and the moving average of parameters."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from configs.training import EmaConfig

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


def global_norm(tree: Params) -> jax.Array:
    """The Euclidean norm over all leaves, ()."""
    return jnp.sqrt(sum(jnp.square(leaf).sum() for leaf in jax.tree.leaves(tree)))


def update_ema(ema: Params, params: Params, step: jax.Array, config: EmaConfig) -> Params:
    """The moving average after `step` steps; it moves in every `every`-th of them. None stays None (switched off)."""
    rate = jnp.where(step % config.every == 0, 1 - config.decay, 0.0)
    return None if ema is None else optax.incremental_update(params, ema, rate)
