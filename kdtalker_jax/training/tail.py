"""What the steps of all trainings end with: means over devices, and no change where a loss is not finite."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

Tree = Any
Gradient = Callable[[Tree, Tree], tuple[Tree, Tree]]


def mean_over(tree: Tree, axis_name: str | None) -> Tree:
    """Mean over the devices of a mapped axis; of the leaves of a tree each."""
    return tree if axis_name is None else lax.pmean(tree, axis_name)


def in_parts(gradient: Gradient, parts: int, params: Tree, batch: Tree) -> tuple[Tree, Tree]:
    """Mean gradients and values per sample of a batch that is worked through a part at a time, to save memory.

    Args:
        gradient: (params, part of the batch) -> gradients of its mean, values (B / parts,) of its samples.
        batch: arrays (B, ...).
    """

    def add(total: Tree, part: Tree) -> tuple[Tree, Tree]:
        gradients, values = gradient(params, part)
        return jax.tree.map(lambda a, b: a + b / parts, total, gradients), values

    divided = jax.tree.map(lambda array: array.reshape(parts, -1, *array.shape[1:]), batch)
    gradients, values = lax.scan(add, jax.tree.map(jnp.zeros_like, params), divided)
    return gradients, jax.tree.map(jnp.ravel, values)


def unless_not_finite(updated: Tree, state: Tree, *judged: jax.Array) -> tuple[Tree, jax.Array]:
    """The updated state where all of the judged scalars are finite, else the one before; and whether they are."""
    finite = jnp.stack([jnp.isfinite(value) for value in judged]).all()
    return jax.tree.map(lambda new, old: jnp.where(finite, new, old), updated, state), finite
