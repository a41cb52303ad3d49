"""Classifier-free guidance (arXiv 2207.12598), also for several conditions that build on each other."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp

Predict = Callable[[jax.Array, Any], jax.Array]


def nested(answers: Sequence[jax.Array], scales: Sequence[Any]) -> jax.Array:
    """What answers e_0 to nothing, e_1 to the first condition, e_2 to the first two and so on add up to.

    As in arXiv 2211.09800, equation 3, for two,

        e_0 + scale_1 (e_1 - e_0) + scale_2 (e_2 - e_1) + ...

    so that scales of 1 are no guidance. There is one scale fewer than answers, a number or an array each.
    """
    result = answers[0]
    for scale, (before, after) in zip(scales, pairwise(answers), strict=True):
        result = result + scale * (after - before)
    return result


def guided(predict: Predict, told: Sequence[Any], scales: Sequence[float]) -> Callable[[jax.Array], jax.Array]:
    """A network that is asked several times over, and what its answers add up to (`nested`).

    All answers come of one call, on a batch that is as many times as large.

    Args:
        predict: (x (B, ...), what it is told, a pytree of (B, ...)) -> (B, ...).
        told: what it is told for each answer, from nothing to all conditions: pytrees of the same shapes.
        scales: one fewer.

    Returns:
        x (B, ...) -> (B, ...).
    """
    if len(told) != len(scales) + 1:
        raise ValueError(f"{len(told)} answers need {len(told) - 1} scales, not {len(scales)}")
    joined = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *told)

    def answer(x: jax.Array) -> jax.Array:
        repeated = jnp.concatenate([x] * len(told))
        return nested(jnp.split(predict(repeated, joined), len(told)), scales)

    return answer
