"""What the steps of all trainings end with: means over devices, and no change where a loss is not finite."""

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from kdtalker_jax import parallel

Tree = Any
Gradient = Callable[[Tree, Tree], tuple[Tree, Tree, Tree]]


def mean_over(tree: Tree, axis_name: str | None) -> Tree:
    """Mean over the devices of a mapped axis; of the leaves of a tree each."""
    return tree if axis_name is None else lax.pmean(tree, axis_name)


def in_parts(gradient: Gradient, parts: int, params: Tree, carried: Tree, batch: Tree) -> tuple[Tree, Tree, Tree]:
    """Mean gradients and values per sample of a batch that is worked through a part at a time, to save memory.

    Args:
        gradient: (carried, part of the batch) -> gradients of its mean, carried on, values (B / parts,) of its samples.
        params: of the shapes of the gradients.
        carried: from part to part, as statistics of norms are.
        batch: arrays (B, ...).

    Returns:
        Gradients, what the last part carries on, values (B,).
    """

    def add(carry: tuple[Tree, Tree], part: Tree) -> tuple[tuple[Tree, Tree], Tree]:
        total, carried = carry
        gradients, carried, values = gradient(carried, part)
        return (jax.tree.map(lambda a, b: a + b / parts, total, gradients), carried), values

    zeros = jax.tree.map(jnp.zeros_like, params)
    (gradients, carried), values = lax.scan(add, (zeros, carried), jax.tree.map(partial(_divided, parts), batch))
    return gradients, carried, jax.tree.map(_joined, values)


def _divided(parts: int, array: jax.Array) -> jax.Array:
    """(B, ...) -> (parts, B / parts, ...): each device has its share of every part."""
    shape = (parts, len(array) // parts, *array.shape[1:])
    shares = parallel.shares()
    if shares > 1:
        array = array.reshape(shares, parts, shape[1] // shares, *array.shape[1:]).swapaxes(0, 1)
    return array.reshape(shape)


def _joined(values: jax.Array) -> jax.Array:
    """(parts, B / parts) -> (B,), in the order of the batch."""
    shares = parallel.shares()
    return (values.reshape(len(values), shares, -1).swapaxes(0, 1) if shares > 1 else values).ravel()


def unless_not_finite(updated: Tree, state: Tree, *judged: jax.Array) -> tuple[Tree, jax.Array]:
    """The updated state where all of the judged scalars are finite, else the one before; and whether they are."""
    finite = reduce(jnp.logical_and, map(jnp.isfinite, judged))
    return jax.tree.map(lambda new, old: jnp.where(finite, new, old), updated, state), finite
