"""Floating-point operations of programs: of traced JAX programs, and of the published graph in PyTorch."""

import math
from itertools import chain

import torch
from jax.extend.core import Jaxpr, JaxprEqn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.torch_baseline import SpadeGenerator, WarpingModule
from configs.networks import ModelConfig


def product_flops(jaxpr: Jaxpr) -> float:
    """Operations in convolutions, matrix products and Fourier transforms, two for each multiply-add.

    Loops count as often as they run. Of the branches that depend on the backend the costliest counts.
    """
    return sum(_equation_flops(equation) for equation in jaxpr.eqns)


def published_flops(config: ModelConfig) -> dict[str, float]:
    """The same of the published graph for one frame, by network. Nothing is computed."""
    c = config.warping
    with torch.device("meta"), torch.inference_mode():
        volume = torch.empty(1, c.volume_channels, c.volume_depth, c.feature_size, c.feature_size)
        keypoints = torch.empty(1, c.keypoints, 3)
        with FlopCounterMode(display=False) as warping:
            features = WarpingModule(c).eval()(volume, keypoints, keypoints)
        with FlopCounterMode(display=False) as generator:
            SpadeGenerator(config.generator).eval()(features)
    return {"warping": warping.get_total_flops(), "generator": generator.get_total_flops()}


def _equation_flops(equation: JaxprEqn) -> float:
    name, parameters = equation.primitive.name, equation.params
    if name == "conv_general_dilated":
        kernel = equation.invars[1].aval.shape
        outputs = kernel[parameters["dimension_numbers"].rhs_spec[0]]
        return 2 * equation.outvars[0].aval.size * math.prod(kernel) / outputs
    if name == "dot_general":
        (contracted, _), _ = parameters["dimension_numbers"]
        left, out = equation.invars[0].aval, equation.outvars[0].aval
        real_products = 4 if out.dtype.kind == "c" else 1  # of one multiplication
        return 2 * real_products * out.size * math.prod(left.shape[axis] for axis in contracted)
    if name == "fft":
        points = math.prod(parameters["fft_lengths"])
        size = max(equation.invars[0].aval.size, equation.outvars[0].aval.size)
        complex_share = 1 if "R" not in parameters["fft_type"].name else 0.5
        return 5 * complex_share * size * math.log2(points)
    if name == "scan":
        return parameters["length"] * product_flops(parameters["jaxpr"].jaxpr)
    if name == "cond":
        return max(product_flops(branch.jaxpr) for branch in parameters["branches"])
    return sum(product_flops(inner) for inner in _inner_programs(parameters))


def _inner_programs(parameters: dict) -> list[Jaxpr]:
    """Of calls: any parameter that is a program."""
    values = chain.from_iterable(v if isinstance(v, (list, tuple)) else (v,) for v in parameters.values())
    return [getattr(value, "jaxpr", value) for value in values if hasattr(getattr(value, "jaxpr", value), "eqns")]
