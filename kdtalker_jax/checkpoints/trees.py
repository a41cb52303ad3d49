"""What all checkpoints share: trees of arrays and frozen configurations, read back from disk."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp


def read_tree(path: Path) -> dict[str, Any]:
    """The tree that Orbax has written to a folder, as NumPy arrays."""
    path, handler = path.resolve(), ocp.PyTreeCheckpointHandler()
    tree = handler.metadata(path).tree
    return handler.restore(path, args=ocp.args.PyTreeRestore(restore_args=as_numpy(tree)))


def as_numpy(tree: Any) -> Any:
    """Tells Orbax to restore each leaf of a tree as a NumPy array, whatever devices it was saved from."""
    return jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), tree)


class UnknownSettingError(Exception):
    """A configuration has a setting that this version does not know."""


def from_json(kind: type, value: Any) -> Any:
    """The inverse of `dataclasses.asdict` and JSON for the frozen configurations: lists become tuples again.

    Raises:
        UnknownSettingError: a setting is not one of `kind`'s, by its name.
        LookupError, TypeError, AttributeError: it is no such configuration at all.
    """
    if dataclasses.is_dataclass(kind):
        types = {field.name: field.type for field in dataclasses.fields(kind)}
        unknown = sorted(value.keys() - types.keys())
        if unknown:
            raise UnknownSettingError(f"unknown setting {unknown[0]!r}")
        return kind(**{name: from_json(types[name], item) for name, item in value.items()})
    return tuple(value) if isinstance(value, list) else value
