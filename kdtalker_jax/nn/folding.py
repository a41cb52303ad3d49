"""Batch and spectral norms multiplied into the kernels that they follow: training variables -> inference parameters."""

from collections.abc import Mapping
from typing import Any

import numpy as np

NORM_EPSILON = 1e-5  # of the published batch and instance norms

Tree = Mapping[str, Any]


def fold(variables: Tree) -> dict[str, Any]:
    """Turns the variables of a module with `folded=False` into those of the same module with `folded=True`.

    Exact up to one rounding to float32: the arithmetic is in float64. A convolution and its norm (`conv`, `norm` in one
    scope) become one convolution; a batch norm that stands alone becomes an affine map; a spectrally normalised kernel
    is divided by u^T W v. Trees without such norms come back as they are.
    """
    folded = _fold_scope(variables["params"], variables.get("batch_stats", {}), variables.get("spectral", {}))
    return {"params": folded}


def batch_norm_affine(params: Tree, stats: Tree) -> tuple[np.ndarray, np.ndarray]:
    """Scale and offset, float64 (C,), of a batch norm with fixed statistics."""
    scale = _double(params["scale"]) / np.sqrt(_double(stats["var"]) + NORM_EPSILON)
    return scale, _double(params["bias"]) - _double(stats["mean"]) * scale


def spectral_norm(kernel: np.ndarray, spectral: Tree) -> float:
    """u^T W v of a kernel (KH, KW, I, O) and its stored singular vectors."""
    matrix = _double(kernel).transpose(3, 2, 0, 1).reshape(kernel.shape[-1], -1)
    return float(_double(spectral["u"]) @ matrix @ _double(spectral["v"]))


def _fold_scope(params: Tree, stats: Tree, spectral: Tree) -> dict[str, Any]:
    if "u" in spectral:
        kernel = np.asarray(params["kernel"])
        return {**params, "kernel": _single(_double(kernel) / spectral_norm(kernel, spectral))}
    if "conv" in params and "norm" in stats:
        scale, offset = batch_norm_affine(params["norm"], stats["norm"])
        conv = params["conv"]
        folded = {
            "kernel": _single(_double(conv["kernel"]) * scale),
            "bias": _single(_double(conv["bias"]) * scale + offset),
        }
        return {"conv": folded}
    if "mean" in stats:
        scale, offset = batch_norm_affine(params, stats)
        return {"scale": _single(scale), "bias": _single(offset)}
    return {
        name: _fold_scope(child, stats.get(name, {}), spectral.get(name, {})) if isinstance(child, Mapping) else child
        for name, child in params.items()
    }


def _double(x: Any) -> np.ndarray:
    return np.asarray(x, np.float64)


def _single(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float32)
