"""Work that depends on the parameters alone, done once when a model is loaded instead of at every frame."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from kdtalker_jax.backend import on_cpu
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.parts import Inputs, Part, by_name
from kdtalker_jax.renderers.liveportrait.parts import RENDERED


def prepare(config: ModelConfig, params: dict[str, Any], dtype: DTypeLike = jnp.float32) -> dict[str, Any]:
    """Folded parameters by network, and where it pays the kernels of the renderer in the form that its layers use.

    That is on CPUs in float32, where 3x3 convolutions run in Winograd's form (0.5 to 0.8 of the direct time),
    the 7x7x7 one in Fourier's (0.4), and these networks get the collection `transformed` beside `params`, 0.4 GB at the
    published sizes. Elsewhere the same modules convolve directly; results differ by rounding.
    """
    if not on_cpu() or dtype != jnp.float32:
        return params
    rendered = by_name(RENDERED)
    return {
        name: _with_transformed(rendered[name], config, tree) if name in rendered else tree
        for name, tree in params.items()
    }


def _with_transformed(part: Part, config: ModelConfig, variables: dict[str, Any]) -> dict[str, Any]:
    return {**variables, **_transformed(part.build(config), {"params": variables["params"]}, part.inputs(config))}


@partial(jax.jit, static_argnums=0)  # so that of this call nothing is computed but the kernels
def _transformed(network: nn.Module, variables: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    arguments, keywords = inputs
    return network.apply(variables, *arguments, **keywords, mutable=["transformed"])[1]
