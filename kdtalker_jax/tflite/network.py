"""A network of a user's file, ready to be called."""

import os
import threading
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from kdtalker_jax.tflite.graph import Graph, read_graph, unusable
from kdtalker_jax.tflite.running import run
from kdtalker_jax.tflite.user_files import UserFile


class UserNetwork:
    """Read and compiled when first used, by whichever thread comes first."""

    def __init__(
        self, file: UserFile, named: str | os.PathLike[str] | None, check: Callable[[Graph], tuple[int, ...]]
    ) -> None:
        """
        Args:
            file, named: which; see `UserFile.find`.
            check: whether it is the network that is wanted: gives the places of its outputs in the order in which they
                are wanted, or raises ValueError with what else it is.
        """
        self._file, self._named, self._order = file, named, check
        self._lock = threading.Lock()

    @property
    def is_there(self) -> bool:
        """Whether the file is found. Raises CheckpointError where it is named and not there."""
        return self._file.is_there(self._named)

    def __call__(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Its outputs, float32. Raises CheckpointError: no such file, or another network."""
        with self._lock:
            program, constants, order = self._compiled
        outputs = program(constants, *inputs)
        return tuple(np.asarray(outputs[place]) for place in order)

    def check(self) -> None:
        """Reads the file, which takes no time. Raises CheckpointError as a call does."""
        with self._lock:
            _ = self._read

    @cached_property
    def _read(self) -> tuple[Path, Graph, tuple[int, ...]]:
        file = self._file.find(self._named)
        graph = read_graph(file)
        try:
            return file, graph, self._order(graph)
        except ValueError as error:
            raise unusable(file, error) from error

    @cached_property
    def _compiled(self) -> tuple[Callable[..., tuple[jax.Array, ...]], Any, tuple[int, ...]]:
        file, graph, order = self._read
        constants = jax.device_put(graph.constants)
        inputs = [jax.ShapeDtypeStruct(graph.tensors[number].shape, np.float32) for number in graph.inputs]
        try:
            return jax.jit(partial(run, graph)).lower(constants, *inputs).compile(), constants, order
        except ValueError as error:
            raise unusable(file, error) from error
