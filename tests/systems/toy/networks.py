"""Three networks, each a linear map, and how they are registered."""

from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from kdtalker_jax.parts import Config, Inputs, Part

PICTURE = 16  # pixels of a side


@dataclass(frozen=True)
class LinearConfig:
    """Numbers in and out."""

    inputs: int = 4
    outputs: int = 4


class Linear(nn.Module):
    config: LinearConfig
    folded: bool = True
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return nn.Dense(self.config.outputs, dtype=self.dtype, name="dense")(x).astype(jnp.float32)


def _part(name: str, rules: str) -> Part:
    def inputs(config: Config) -> Inputs:
        return (jnp.zeros((1, getattr(config, name).inputs)),), {}

    return Part(name, Linear, LinearConfig, inputs, rules=rules)


EAR = _part("ear", "tests.systems.toy.rules:EAR")
MOVER = _part("mover", "tests.systems.toy.rules:MOVER")
PAINTER = _part("painter", "tests.systems.toy.rules:PAINTER")
