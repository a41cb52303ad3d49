"""One network's published tensors <-> its variables, by its rule table."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from configs.networks import ModelConfig
from convert.rules import Rule, as_wildcard, flatten, unflatten
from convert.tables import TABLES
from convert.weights_file import Tensor
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.parts import variable_shapes

MAX_LINES = 20


def to_variables(name: str, tensors: Mapping[str, Tensor], config: ModelConfig, path: Path) -> dict[str, Any]:
    """The variables (`folded=False`, float32 NumPy arrays) of one network; bit for bit the values of the file.

    Args:
        name: which network.
        tensors: the state dict.
        config: the sizes that are expected.
        path: where the tensors are from, for errors.

    Raises:
        CheckpointError: lists every tensor that is missing, not known or of another shape or kind.
    """
    shapes = flatten(variable_shapes(name, config))
    leaves: dict[str, tuple[str, Rule]] = {}
    problems = []
    for key in tensors:
        matches = TABLES[name].matches(key)
        if len(matches) + bool(TABLES[name].is_unused(key)) != 1 or (matches and matches[0][0] not in shapes):
            problems.append(f"{key} is not expected")
        elif matches and matches[0][0] in leaves:
            problems.append(f"{key} and {leaves[matches[0][0]][0]} are the same tensor")
        elif matches:
            leaves[matches[0][0]] = (key, matches[0][1])
    problems += [f"{TABLES[name].published(leaf)[0]} is missing" for leaf in shapes if leaf not in leaves]
    problems += [
        f"{key} has shape {tensors[key].shape}, expected {expected}"
        for leaf, (key, rule) in leaves.items()
        if tensors[key].shape != (expected := rule.transform.torch_shape(shapes[leaf].shape))
    ]
    if problems:
        raise _not_this_file(name, tensors, config, path, problems)
    arrays = {leaf: _values(tensors[key], key, problems) for leaf, (key, _) in leaves.items()}
    if problems:
        raise _not_this_file(name, tensors, config, path, problems)
    return unflatten({leaf: np.ascontiguousarray(leaves[leaf][1].transform.apply(x)) for leaf, x in arrays.items()})


def to_published(name: str, variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The inverse of `to_variables`, less the tensors that are not used: a state dict in PyTorch's layout."""
    return dict(_published(name, variables))


def unused(name: str, tensors: Mapping[str, Tensor]) -> Counter[str]:
    """How many tensors are on the list of unused ones, by its entries (as wildcards)."""
    return Counter(as_wildcard(pattern) for key in tensors if (pattern := TABLES[name].is_unused(key)))


def _published(name: str, variables: Mapping[str, Any]) -> Iterator[tuple[str, np.ndarray]]:
    for leaf, array in flatten(variables).items():
        key, rule = TABLES[name].published(leaf)
        yield key, np.ascontiguousarray(rule.transform.undo(np.asarray(array)))


def _values(tensor: Tensor, key: str, problems: list[str]) -> np.ndarray:
    values = tensor.numpy()
    if not np.issubdtype(values.dtype, np.floating) and values.dtype.name != "bfloat16":
        problems.append(f"{key} is of type {values.dtype}, expected floating point")
        return values
    values = values.astype(np.float32)
    if not np.isfinite(values).all():
        problems.append(f"{key} holds values that are not finite")
    return values


def _not_this_file(
    name: str, tensors: Mapping[str, Tensor], config: ModelConfig, path: Path, problems: list[str]
) -> CheckpointError:
    sample = list(tensors)[:1000]

    def share(other: str) -> float:
        return sum(bool(TABLES[other].matches(key)) for key in sample) / len(sample)

    best = max(TABLES, key=share)
    if share(best) > 0.5 > share(name):
        return CheckpointError(
            f"{path} is not a {Path(TABLES[name].file).name} file: it looks like {Path(TABLES[best].file).name}"
        )
    more = [f"... and {len(problems) - MAX_LINES} more"] if len(problems) > MAX_LINES else []
    lines = [f"{path} does not fit {name} of the {config.name} model:", *problems[:MAX_LINES], *more]
    return CheckpointError("\n  ".join(lines))
