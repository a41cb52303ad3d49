"""One network's published tensors <-> its variables, by its rule table."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convert.rules import Rule, as_wildcard, flatten, unflatten
from convert.tables import table_of
from convert.weights_file import Tensor
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.systems import find_system

if TYPE_CHECKING:
    from kdtalker_jax.parts import Part

MAX_LINES = 20


def to_variables(part: "Part", tensors: Mapping[str, Tensor], config: ModelConfig, path: Path) -> dict[str, Any]:
    """The variables (`folded=False`, float32 NumPy arrays) of one network; bit for bit the values of the file.

    Args:
        part: which network.
        tensors: the state dict.
        config: the sizes that are expected.
        path: where the tensors are from, for errors.

    Raises:
        CheckpointError: lists every tensor that is missing, not known or of another shape or kind.
    """
    shapes, table = flatten(_shapes(part, config, path)), table_of(part)
    leaves: dict[str, tuple[str, Rule]] = {}
    problems = []
    for key in tensors:
        matches = table.matches(key)
        if len(matches) + bool(table.is_unused(key)) != 1 or (matches and matches[0][0] not in shapes):
            problems.append(f"{key} is not expected")
        elif matches and matches[0][0] in leaves:
            problems.append(f"{key} and {leaves[matches[0][0]][0]} are the same tensor")
        elif matches:
            leaves[matches[0][0]] = (key, matches[0][1])
    problems += [f"{table.published(leaf)[0]} is missing" for leaf in shapes if leaf not in leaves]
    problems += [
        f"{key} has shape {tensors[key].shape}, expected {expected}"
        for leaf, (key, rule) in leaves.items()
        if tensors[key].shape != (expected := rule.transform.torch_shape(shapes[leaf].shape))
    ]
    if problems:
        raise _not_this_file(part, tensors, config, path, problems)
    arrays = {leaf: _values(tensors[key], key, problems) for leaf, (key, _) in leaves.items()}
    if problems:
        raise _not_this_file(part, tensors, config, path, problems)
    return unflatten({leaf: np.ascontiguousarray(leaves[leaf][1].transform.apply(x)) for leaf, x in arrays.items()})


def to_published(part: "Part", variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The inverse of `to_variables`, less the tensors that are not used: a state dict in PyTorch's layout."""
    return dict(_published(part, variables))


def unused(part: "Part", tensors: Mapping[str, Tensor]) -> Counter[str]:
    """How many tensors are on the list of unused ones, by its entries (as wildcards)."""
    return Counter(as_wildcard(pattern) for key in tensors if (pattern := table_of(part).is_unused(key)))


def _shapes(part: "Part", config: ModelConfig, path: Path) -> Mapping[str, Any]:
    try:
        return part.shapes(config)
    except Exception as error:  # whatever Flax and JAX raise on sizes that are each possible, but not together
        reason = str(error).partition("\n")[0]
        raise CheckpointError(f"{path} holds {part.name} of sizes that no network has ({reason:.200})") from error


def _published(part: "Part", variables: Mapping[str, Any]) -> Iterator[tuple[str, np.ndarray]]:
    for leaf, array in flatten(variables).items():
        key, rule = table_of(part).published(leaf)
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
    part: "Part", tensors: Mapping[str, Tensor], config: ModelConfig, path: Path, problems: list[str]
) -> CheckpointError:
    sample = list(tensors)[:1000]

    def share(other: "Part") -> float:
        return sum(bool(table_of(other).matches(key)) for key in sample) / len(sample)

    best = max((other for other in find_system(config.system).parts.values() if other.rules), key=share)
    if share(best) > 0.5 > share(part):
        return CheckpointError(
            f"{path} is not a {Path(table_of(part).file).name} file: it looks like {Path(table_of(best).file).name}"
        )
    more = [f"... and {len(problems) - MAX_LINES} more"] if len(problems) > MAX_LINES else []
    lines = [f"{path} does not fit {part.name} of the {config.name} model:", *problems[:MAX_LINES], *more]
    return CheckpointError("\n  ".join(lines))
