"""Whether a network's arrays are those of its sizes, told before they are read."""

import dataclasses
import json
import zlib

import jax.numpy as jnp

from kdtalker_jax.checkpoints.trees import Layout, layout_of
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.parts import Part


def fit_sum(part: Part, config: ModelConfig, layout: Layout) -> str:
    """CRC-32 of a network's sizes and layout together. It spares whoever reads them the tracing of the network."""
    content = [dataclasses.asdict(config.sections[part.name]), layout]
    return f"{zlib.crc32(json.dumps(content, sort_keys=True).encode()):08x}"


def misfit(part: Part, config: ModelConfig, layout: Layout) -> str | None:
    """The first array that is not as the sizes of the network want it, in words."""
    try:
        wanted = layout_of(part.shapes(config))
    except Exception as error:  # whatever Flax and JAX raise on sizes that are each possible, but not together
        return f"no network has its sizes ({str(error).splitlines()[0] if str(error) else type(error).__name__:.200})"
    for array, (shape, dtype) in layout.items():
        if array not in wanted:
            return f"{array} is not one of its arrays"
        if shape != wanted[array][0]:
            return f"{array} has shape {shape} where its sizes make it {wanted[array][0]}"
        if not jnp.issubdtype(dtype, jnp.floating):
            return f"{array} is of type {dtype}"
    missing = [array for array in wanted if array not in layout]
    return f"{missing[0]} is missing" if missing else None
