"""Whether a network's arrays are those of its sizes, told before they are read."""

import dataclasses
import hashlib
import json
import zlib
from collections.abc import Collection

from kdtalker_jax.checkpoints.trees import Layout, layout_of
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.parts import Part

FLOATS = ("float32", "bfloat16", "float16", "float64")  # that networks are written as
_TRACED: set[str] = set()  # keys that this process has found to fit


def fit_sum(part: Part, config: ModelConfig, layout: Layout) -> str:
    """CRC-32 of a network's sizes and layout together, as descriptions have it. Anyone can make one that fits."""
    return f"{zlib.crc32(_description(part, config, layout)):08x}"


def fit_key(part: Part, config: ModelConfig, layout: Layout) -> str:
    """The same as a sum that nobody can bring about for another layout."""
    return hashlib.sha256(part.name.encode() + b"\0" + _description(part, config, layout)).hexdigest()[:32]


def misfit(part: Part, config: ModelConfig, layout: Layout, known: Collection[str] = ()) -> str | None:
    """The first array that is not as the sizes of the network want it, in words.

    Args:
        known: keys of which it is known that they fit, which spares the tracing of the network.
    """
    key = fit_key(part, config, layout)
    if key in known or key in _TRACED:
        return None
    try:
        wanted = layout_of(part.shapes(config))
    except Exception as error:  # whatever Flax and JAX raise on sizes that are each possible, but not together
        return f"no network has its sizes ({str(error).splitlines()[0] if str(error) else type(error).__name__:.200})"
    for array, (shape, dtype) in layout.items():
        if array not in wanted:
            return f"{array} is not one of its arrays"
        if shape != wanted[array][0]:
            return f"{array} has shape {shape} where its sizes make it {wanted[array][0]}"
        if dtype not in FLOATS:
            return f"{array} is of type {dtype}"
    if missing := [array for array in wanted if array not in layout]:
        return f"{missing[0]} is missing"
    _TRACED.add(key)
    return None


def _description(part: Part, config: ModelConfig, layout: Layout) -> bytes:
    return json.dumps([dataclasses.asdict(config.sections[part.name]), layout], sort_keys=True).encode()
