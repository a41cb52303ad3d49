"""Damage of a tree of arrays shows."""

import numpy as np

from kdtalker_jax.checkpoints.trees import fault_of, sum_of


def test_the_sum_of_a_tree_sees_names_shapes_types_and_values():
    tree = {"a": np.arange(4, dtype=np.float32), "b": {"c": np.int32(3)}}
    changed = (
        {"x": tree["a"], "b": tree["b"]},
        {**tree, "a": tree["a"].reshape(2, 2)},
        {**tree, "a": tree["a"].view(np.int32)},
        {**tree, "a": tree["a"] + np.float32([0, 0, 0, 1e-6])},
        {"a": tree["a"]},
    )
    assert len({sum_of(tree), *map(sum_of, changed)}) == 6
    assert fault_of(tree, sum_of(tree)) is None
