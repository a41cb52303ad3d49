"""Random variables of any network, without running or compiling it: for tests, and where no trained ones exist."""

from typing import Any

import jax
import numpy as np

from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.systems import find_system


def random_variables(name: str, config: ModelConfig, seed: int = 0) -> dict[str, Any]:
    """Variables (`folded=False`) that keep activations near 1, with norms whose statistics are far from trivial.

    float32 NumPy arrays, reproducible from the seed.
    """
    parts = find_system(config.system).parts
    random = np.random.default_rng([seed, list(parts).index(name)])

    def draw(path: tuple, leaf: jax.ShapeDtypeStruct) -> np.ndarray:
        normal = random.standard_normal(leaf.shape).astype(np.float32)
        match path[-1].key:
            case "kernel":
                return normal * np.float32(1 / np.sqrt(np.prod(leaf.shape[:-1])))
            case "scale":
                return 1 + 0.1 * normal
            case "var":
                return np.exp(0.3 * normal)
            case "rotary_frequencies":
                return (1e4 ** -(np.arange(leaf.size) / leaf.size)).astype(np.float32)
            case _:
                return 0.1 * normal

    variables = jax.tree_util.tree_map_with_path(draw, parts[name].shapes(config))
    for scope, vectors in variables.get("spectral", {}).items():
        _converge(vectors, variables["params"][scope])
    return variables


def _converge(spectral: dict[str, Any], params: dict[str, Any]) -> None:
    """Sets the singular vectors below a scope to those of its kernels, as long training would."""
    if "u" not in spectral:
        for scope in spectral:
            _converge(spectral[scope], params[scope])
        return
    kernel = params["kernel"]
    matrix = kernel.transpose(3, 2, 0, 1).reshape(kernel.shape[-1], -1)  # (O, I*KH*KW)
    v = spectral["v"]
    for _ in range(10):
        u = matrix @ v
        u /= np.linalg.norm(u)
        v = matrix.T @ u
        v /= np.linalg.norm(v)
    spectral.update(u=u, v=v)
