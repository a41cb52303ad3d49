"""Muon (Jordan et al. 2024): momentum whose matrices are made orthogonal, for training that has to be short.

All directions of a weight matrix learn at one pace, those too that gradients hardly speak of. A convolution's kernel is
a matrix of (inputs of one output, outputs). What is no matrix, tables, codebooks, and the heads of the motion
extractor, follow Adam with Nesterov's momentum.

The numbers are those of `optax.contrib.muon`, which takes matrix after matrix: here those of one shape are made
orthogonal together, which takes less time, and there is far less of it to compile.
"""

import math
from collections import defaultdict
from typing import Any

import jax
import jax.numpy as jnp
import optax
from optax.contrib import MuonState

from kdtalker_jax.training.optimizer import lenient

ADAMS_SIZE = 0.2  # root mean square of an update at rate 1: about Adam's, so that both can share a rate
MOMENTUM = 0.95
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # five times this quintic brings singular values close to 1
ITERATIONS = 5

Tree = Any


def muon(
    rate: optax.Schedule,
    *,
    beta1: float,
    beta2: float,
    weight_decay: float = 0.0,
    mask: Any = None,
    networks: bool = False,
) -> optax.GradientTransformation:
    """The optimiser; the betas are those of Adam.

    Args:
        mask: of what decays, as optax takes it.
        networks: parameters are those of several networks by name, of which some may be frozen: what their matrices
            would cost is only saved where they are in no group with others.
    """
    orthogonal = optax.chain(
        orthogonal_momentum(apart=networks),
        optax.identity(),  # states have the structure of optax.contrib.muon's
        optax.add_decayed_weights(weight_decay, mask),
        optax.scale_by_learning_rate(rate),
    )
    adam = optax.nadamw(rate, b1=beta1, b2=beta2, weight_decay=0.0)

    def labels(params: Tree) -> Tree:
        return jax.tree.map(lambda is_matrix: "muon" if is_matrix else "adam", matrices(params))

    optimizer = optax.partition({"muon": orthogonal, "adam": adam}, labels)
    return optimizer._replace(update=lenient(optimizer.update))


def matrices(params: Tree) -> Tree:
    """Which parameters are matrices; the others are left to Adam."""

    def is_matrix(path: tuple, leaf: jax.Array) -> bool:
        names = [getattr(entry, "key", None) for entry in path]
        if leaf.ndim < 2 or "depthwise" in names or str(names[-1]).endswith(("bias", "table", "codebook")):
            return False
        if any(str(name).startswith("fc_") for name in names):
            return False
        return min(math.prod(leaf.shape[:-1]), leaf.shape[-1]) > 1

    return jax.tree_util.tree_map_with_path(is_matrix, params)


def orthogonal_momentum(*, apart: bool) -> optax.GradientTransformation:
    """Nesterov's momentum of all leaves, made orthogonal, in the size of Adam's updates.

    Args:
        apart: leaves below different names of the first level are never stacked.
    """

    def init(params: Tree) -> MuonState:
        return MuonState(jnp.zeros((), jnp.int32), optax.tree.zeros_like(params), jnp.asarray(NEWTON_SCHULZ))

    def update(gradients: Tree, state: MuonState, params: Tree = None) -> tuple[Tree, MuonState]:
        del params
        count = optax.safe_increment(state.count)
        momentum = optax.tree.update_moment(gradients, state.mu, MOMENTUM, 1)
        ahead = jax.tree.map(
            lambda moment, gradient: MOMENTUM * moment + (1 - MOMENTUM) * gradient,
            optax.tree.bias_correction(momentum, MOMENTUM, optax.safe_increment(count)),
            optax.tree.bias_correction(gradients, MOMENTUM, count),
        )
        return _orthogonal(ahead, apart), MuonState(count, momentum, state.ns_coeffs)

    return optax.GradientTransformation(init, update)


def _orthogonal(tree: Tree, apart: bool) -> Tree:
    """Each leaf as a matrix of (inputs of one output, outputs) whose singular values are about alike."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(tree)
    groups = defaultdict(list)
    for place, (path, leaf) in enumerate(leaves):
        groups[path[0] if apart else None, *sorted(_sides(leaf))].append(place)
    found = [leaf for _, leaf in leaves]
    for (_, rows, columns), places in groups.items():
        wide = jnp.stack([_wide(found[place]) for place in places])
        made = _newton_schulz(wide) * (ADAMS_SIZE * math.sqrt(max(rows, columns)))
        for place, matrix in zip(places, made, strict=True):
            inputs, outputs = _sides(found[place])
            found[place] = (matrix.T if inputs > outputs else matrix).reshape(found[place].shape)
    return jax.tree.unflatten(structure, found)


def _sides(leaf: jax.Array) -> tuple[int, int]:
    return math.prod(leaf.shape[:-1]), leaf.shape[-1]


def _wide(leaf: jax.Array) -> jax.Array:
    """As a matrix with no more rows than columns: products of its rows are the smaller ones."""
    inputs, outputs = _sides(leaf)
    matrix = leaf.reshape(inputs, outputs)
    return matrix.T if inputs > outputs else matrix


def _newton_schulz(matrices: jax.Array) -> jax.Array:
    """(N, rows, columns), each with its singular values brought close to 1."""
    first, third, fifth = NEWTON_SCHULZ
    norms = jnp.sqrt(jnp.square(matrices).sum((1, 2), keepdims=True))

    def iterate(_: int, x: jax.Array) -> jax.Array:
        square = x @ x.mT
        return first * x + (third * square + fifth * square @ square) @ x

    return jax.lax.fori_loop(0, ITERATIONS, iterate, matrices / (norms + 1e-8))
