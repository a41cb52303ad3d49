"""Muon (Jordan et al. 2024): momentum whose matrices are made orthogonal, for training that has to be short.

All directions of a weight matrix learn at one pace, those too that gradients hardly speak of. A convolution's kernel is
a matrix of (inputs of one output, outputs). What is no matrix, tables, and the heads of the motion
extractor, follow Adam with Nesterov's momentum.
"""

import math
from typing import Any

import jax
import optax
from optax.contrib import MuonDimensionNumbers

from kdtalker_jax.training.optimizer import lenient

ADAMS_SIZE = 0.2  # root mean square of an update at rate 1: about Adam's, so that both can share a rate

Tree = Any


def muon(
    rate: optax.Schedule, *, beta1: float, beta2: float, weight_decay: float = 0.0, mask: Any = None
) -> optax.GradientTransformation:
    """The optimiser; the betas are those of Adam. `mask`: of what decays, as optax takes it."""
    optimizer = optax.contrib.muon(
        rate,
        weight_decay=weight_decay,
        weight_decay_mask=mask,
        adam_b1=beta1,
        adam_b2=beta2,
        consistent_rms=ADAMS_SIZE,
        muon_weight_dimension_numbers=matrices,
    )
    return optimizer._replace(update=lenient(optimizer.update))


def matrices(params: Tree) -> Tree:
    """Which axes of a parameter are inputs and outputs; None for what is left to Adam."""

    def axes(path: tuple, leaf: jax.Array) -> MuonDimensionNumbers | None:
        names = [getattr(entry, "key", None) for entry in path]
        if leaf.ndim < 2 or "depthwise" in names or str(names[-1]).endswith(("bias", "table")):
            return None
        if any(str(name).startswith("fc_") for name in names):
            return None
        if min(math.prod(leaf.shape[:-1]), leaf.shape[-1]) == 1:
            return None
        return MuonDimensionNumbers(tuple(range(leaf.ndim - 1)), leaf.ndim - 1)

    return jax.tree_util.tree_map_with_path(axes, params)
