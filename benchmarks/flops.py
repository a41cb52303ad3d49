"""Floating-point operations of programs: of traced JAX programs, and of the published graph in PyTorch; its bytes."""

import math
from itertools import chain
from typing import Any, NamedTuple

import jax
import torch
from jax.extend.core import Jaxpr, JaxprEqn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.torch_baseline import SpadeGenerator, WarpingModule
from kdtalker_jax.model_config import ModelConfig


def product_flops(jaxpr: Jaxpr) -> float:
    """Operations in convolutions, matrix products and Fourier transforms, two for each multiply-add.

    Loops count as often as they run. Of the branches that depend on the backend the costliest counts.
    """
    return sum(_equation_flops(equation) for equation in jaxpr.eqns)


class Published(NamedTuple):
    """What one frame takes of a network of the published graph."""

    flops: float  # as in `product_flops`
    bytes: float  # that its operations read and write, one after the other as eager PyTorch does


def published_work(config: ModelConfig) -> dict[str, Published]:
    """By network. Nothing is computed."""
    c = config.warping
    with torch.device("meta"), torch.inference_mode():
        volume = torch.empty(1, c.volume_channels, c.volume_depth, c.feature_size, c.feature_size)
        keypoints = torch.empty(1, c.keypoints, 3)
        warping, generator = WarpingModule(c).eval(), SpadeGenerator(config.generator).eval()
        features, of_warping = _count(warping, volume, keypoints, keypoints)
        _, of_generator = _count(generator, features)
    return {"warping": of_warping, "generator": of_generator}


def _count(network: torch.nn.Module, *inputs: torch.Tensor) -> tuple[torch.Tensor, Published]:
    with ByteCounterMode() as moved, FlopCounterMode(display=False) as counter:
        output = network(*inputs)
    return output, Published(counter.get_total_flops(), moved.total)


class ByteCounterMode(TorchDispatchMode):
    """Adds up the sizes of all tensors that operations take and give; views move nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        output = function(*args, **(kwargs or {}))
        if not function.is_view:
            tensors = (leaf for leaf in tree_leaves((args, kwargs, output)) if isinstance(leaf, torch.Tensor))
            self.total += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return output


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
    if product := getattr(equation.primitive, "product", None):  # one of ours, `nn.bilinear`
        return product_flops(jax.make_jaxpr(product)(*(variable.aval for variable in equation.invars)).jaxpr)
    return sum(product_flops(inner) for inner in _inner_programs(parameters))


def _inner_programs(parameters: dict) -> list[Jaxpr]:
    """Of calls: any parameter that is a program."""
    values = chain.from_iterable(v if isinstance(v, (list, tuple)) else (v,) for v in parameters.values())
    return [getattr(value, "jaxpr", value) for value in values if hasattr(getattr(value, "jaxpr", value), "eqns")]
