"""The random published weights for JAX, without PyTorch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.published_layout import random_state_dict
from convert.network import to_variables
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.nn.folding import fold
from kdtalker_jax.systems import find_system


@dataclass(frozen=True)
class ArrayTensor:
    """An array that `convert` takes for a tensor of a file."""

    array: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def numpy(self) -> np.ndarray:
        return self.array


def random_params(config: ModelConfig) -> dict[str, Any]:
    """What `torch_baseline.random_networks` holds, as folded JAX parameters."""

    def params(name: str) -> dict[str, Any]:
        state = {key: ArrayTensor(value) for key, value in random_state_dict(name, config).items()}
        return fold(to_variables(find_system("kdtalker").parts[name], state, config, Path(name)))

    return {name: params(name) for name in find_system("kdtalker").required}
