"""A network is registered once, as a `Part`: whoever builds, fills, checks, converts or lists networks reads that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

if TYPE_CHECKING:
    import flax.linen as nn

Variables = dict[str, Any]
Config = Any  # frozen dataclasses as attributes, by the names of parts: a `ModelConfig`, or as much of one as is needed
Inputs = tuple[tuple, dict[str, jax.Array]]


@dataclass(frozen=True)
class Part:
    """One network of a family.

    Attributes:
        name: in configurations and checkpoints.
        module: takes its sizes, `folded` and `dtype`.
        sizes: frozen dataclass, whose fields are all that its parameters' shapes depend on.
        inputs: sizes of a model -> zeros of the shapes that it takes, for one portrait, window or frame.
        rules: where its rule table for published files is, as "module:NAME"; None: it is only trained here.
        judges: it measures videos and makes none, so that a model is complete without.
        optional: a model is complete without, and has its section of the configuration where it has this part.
    """

    name: str
    module: "type[nn.Module]"
    sizes: type
    inputs: Callable[[Config], Inputs]
    rules: str | None = None
    judges: bool = False
    optional: bool = False

    def build(
        self, config: Config, *, folded: bool = True, dtype: DTypeLike = jnp.float32, **fields: Any
    ) -> "nn.Module":
        """The module at the sizes of a model; `fields` are those that it has beside the common ones."""
        return self.module(getattr(config, self.name), folded=folded, dtype=dtype, **fields)

    def initialise(self, config: Config, key: jax.Array, *, folded: bool = False) -> Variables:
        """Fresh variables; under `jax.eval_shape` their shapes alone."""
        with jax.enable_x64(False):  # parameters are float32, and the same, whatever the program around has set
            arguments, keywords = self.inputs(config)
            # JAX's default generator is compiled anew for each of hundreds of kernels, longer than all else here.
            key = jax.random.key(jax.random.bits(key), impl="unsafe_rbg")
            return self.build(config, folded=folded).init(key, *arguments, **keywords)

    def shapes(self, config: Config, *, folded: bool = False) -> Variables:
        """The tree of `jax.ShapeDtypeStruct` that a checkpoint of this network has. Costs no memory."""
        return jax.eval_shape(lambda key: self.initialise(config, key, folded=folded), jax.random.key(0))


def by_name(parts: tuple[Part, ...]) -> Mapping[str, Part]:
    """Parts by their names, in their order."""
    return {part.name: part for part in parts}


def picture(size: int) -> jax.Array:
    """An example of what networks that see take: (1, size, size, 3)."""
    return jnp.zeros((1, size, size, 3))
