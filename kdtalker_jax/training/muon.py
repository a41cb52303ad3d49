"""Muon (Jordan et al. 2024): momentum whose matrices are made orthogonal, for training that has to be short.

All directions of a weight matrix learn at one pace, those too that gradients hardly speak of. A convolution's kernel is
a matrix of (inputs of one output, outputs). What is no matrix, and the heads of the motion extractor, follow Adam.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

MOMENTUM = 0.95
ITERATIONS = 5
COEFFICIENTS = 3.4445, -4.7750, 2.0315  # of the iteration that brings singular values to about 1
MATCH = 0.2  # makes an update as large as one of Adam's
EPSILON = 1e-8

Tree = Any


class MuonState(NamedTuple):
    """count (): steps made. mean: momentum of every parameter. square: Adam's second moment, empty for matrices."""

    count: jax.Array
    mean: Tree
    square: Tree


def muon(rate: optax.Schedule, *, beta1: float, beta2: float) -> optax.GradientTransformation:
    """The optimiser; the betas are those of Adam."""

    def init(params: Tree) -> MuonState:
        square = jax.tree_util.tree_map_with_path(
            lambda path, leaf: jnp.zeros(0) if is_matrix(path, leaf) else jnp.zeros_like(leaf), params
        )
        return MuonState(jnp.int32(0), jax.tree.map(jnp.zeros_like, params), square)

    def update(gradients: Tree, state: MuonState, params: Tree = None) -> tuple[Tree, MuonState]:
        del params
        count, step = state.count + 1, -rate(state.count)

        def of_leaf(path: tuple, gradient: jax.Array, mean: jax.Array, square: jax.Array) -> tuple:
            if is_matrix(path, gradient):
                mean = MOMENTUM * mean + gradient
                return step * orthogonal(gradient + MOMENTUM * mean), mean, square
            mean = beta1 * mean + (1 - beta1) * gradient
            square = beta2 * square + (1 - beta2) * jnp.square(gradient)
            unbiased = jnp.sqrt(square / (1 - beta2**count)) + EPSILON
            return step * mean / (1 - beta1**count) / unbiased, mean, square

        results = jax.tree_util.tree_map_with_path(of_leaf, gradients, state.mean, state.square)
        updates, mean, square = jax.tree.transpose(
            jax.tree.structure(gradients), jax.tree.structure((0, 0, 0)), results
        )
        return updates, MuonState(count, mean, square)

    return optax.GradientTransformation(init, update)


def is_matrix(path: tuple, leaf: jax.Array) -> bool:
    """Whether a parameter maps many inputs to many outputs, inside a network."""
    names = [entry.key for entry in path]
    head = any(name.startswith("fc_") for name in names)
    return (
        leaf.ndim >= 2 and min(math.prod(leaf.shape[:-1]), leaf.shape[-1]) > 1 and "depthwise" not in names and not head
    )


def orthogonal(x: jax.Array) -> jax.Array:
    """The nearest matrix with equal singular values, roughly, by Newton and Schulz's iteration. Shape (..., O) is kept.

    Its mean square is MATCH squared.
    """
    matrix = x.reshape(-1, x.shape[-1])
    wide = matrix.shape[0] > matrix.shape[1]
    matrix = matrix.T if wide else matrix  # the shorter side first: its products are smaller
    matrix = matrix / (jnp.linalg.norm(matrix) + EPSILON)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = matrix @ matrix.T
        matrix = a * matrix + (b * gram + c * gram @ gram) @ matrix
    matrix = matrix.T if wide else matrix
    return MATCH * math.sqrt(max(matrix.shape)) * matrix.reshape(x.shape)
