"""What all checkpoints share: trees of arrays, read back from disk and looked at before they are used."""

import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np

LARGEST = 1 << 34  # bytes of one tree: 20 times all published networks together

Layout = dict[str, tuple[tuple[int, ...], str]]  # shape and type of each array, by its name


@contextmanager
def quiet_failure() -> Iterator[None]:
    """Around what Orbax reads. When an array cannot be read, Orbax ends its loop, and each array that still arrives
    would print a traceback beside the error.
    """
    before = sys.unraisablehook

    def report(unraisable: Any) -> None:
        if str(unraisable.exc_value) != "Event loop is closed":
            before(unraisable)

    sys.unraisablehook = report
    yield
    sys.unraisablehook = before  # not after an error: they arrive later


@quiet_failure()
def read_layout(path: Path) -> Layout:
    """The layout of a tree that Orbax has written to a folder. Reads no arrays. Errors as of `read_tree`."""
    import orbax.checkpoint as ocp  # takes half a second

    return layout_of(_described(ocp.PyTreeCheckpointHandler(), path.resolve()))


@quiet_failure()
def read_tree(path: Path) -> dict[str, Any]:
    """The tree that Orbax has written to a folder, as NumPy arrays.

    Raises:
        ValueError: it is larger than any network, or than it says.
        Exception: of many kinds, where Orbax or its storage cannot read it.
    """
    import orbax.checkpoint as ocp

    path, handler = path.resolve(), ocp.PyTreeCheckpointHandler()
    tree = _described(handler, path)
    return handler.restore(path, args=ocp.args.PyTreeRestore(restore_args=as_numpy(tree)))


def _described(handler: Any, path: Path) -> Any:
    """What Orbax knows of each array, once it is clear that reading takes no more memory than the arrays do."""
    tree = handler.metadata(path).tree
    leaves = jax.tree.leaves(tree)
    size = sum(np.dtype(leaf.dtype).itemsize * int(np.prod(leaf.shape, dtype=object)) for leaf in leaves)
    if size > LARGEST:
        raise ValueError(f"its arrays have {size} bytes, more than {LARGEST}")
    for leaf in leaves:
        chunk = leaf.storage.chunk_shape if leaf.storage else None  # is unpacked whole, however much of it is wanted
        if chunk is not None and any(part > max(whole, 1) for part, whole in zip(chunk, leaf.shape, strict=True)):
            raise ValueError(f"{leaf.name} lies in chunks that are larger than it is")
    return tree


def as_numpy(tree: Any) -> Any:
    """Tells Orbax to restore each leaf of a tree as a NumPy array, whatever devices it was saved from."""
    import orbax.checkpoint as ocp

    return jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), tree)


def layout_of(tree: Any) -> Layout:
    """Of arrays, or of whatever has a shape and a dtype; the same for dictionaries and tuples of the same names."""
    return {name: (tuple(leaf.shape), np.dtype(leaf.dtype).name) for name, leaf in _named(tree)}


def sum_of(tree: Any) -> str:
    """CRC-32 of the names, shapes, types and values of a tree's arrays: it tells damage, not forgery."""
    total = 0
    for name, leaf in _named(tree):
        array = np.ascontiguousarray(leaf)
        total = zlib.crc32(f"{name} {array.shape} {array.dtype.name}\n".encode(), total)
        total = zlib.crc32(array.reshape(-1).view(np.uint8), total)
    return f"{total:08x}"


def fault_of(tree: Any, expected: str | None) -> str | None:
    """What is wrong with a tree that was read, in words; `expected`: its sum when it was written, if that is known."""
    if expected is not None and sum_of(tree) != expected:
        return "its values are not those that were written"
    for name, leaf in _named(tree):
        if np.issubdtype(leaf.dtype, np.inexact) and not np.isfinite(leaf).all():
            return f"{name} holds values that are not finite"
    return None


def _named(tree: Any) -> list[tuple[str, Any]]:
    """The arrays of a tree in the order of their names, in which a slash that is part of a key is doubled."""
    paths, _ = jax.tree_util.tree_flatten_with_path(tree)
    return sorted(("/".join(_key(key) for key in path), leaf) for path, leaf in paths)


def _key(key: Any) -> str:
    return jax.tree_util.keystr((key,), simple=True).replace("/", "//")
