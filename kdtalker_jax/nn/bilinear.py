"""Products with gradients of our own, which JAX can differentiate in every way."""

from collections.abc import Callable, Sequence
from functools import partial

import jax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

Product = Callable[[jax.Array, jax.Array], jax.Array]
Gradient = Callable[[jax.Array, jax.Array, tuple[int, ...]], jax.Array]


def with_gradients(product: Product, *, of_first: Gradient, of_second: Gradient) -> Product:
    """The same function of two arrays, linear in each, with gradients that are computed as given.

    A primitive, of which JAX derives derivatives forwards and backwards, of any order, and batches: a function with
    `jax.custom_vjp` cannot be differentiated forwards, one with `custom_derivatives.linear_call` has no `vmap`.

    Args:
        product: pure; its result is of the arguments' dtype.
        of_first: (the result's gradient, the second argument, the first one's shape) -> the first one's gradient.
        of_second: the same the other way round.
    """

    def abstract(first: jax.core.ShapedArray, second: jax.core.ShapedArray) -> jax.core.ShapedArray:
        result = jax.eval_shape(product, first, second)
        return first.update(shape=result.shape, dtype=result.dtype, weak_type=False)

    def in_batches(arguments: Sequence[jax.Array], axes: Sequence[int | None]) -> tuple[jax.Array, int]:
        return jax.vmap(product, axes)(*arguments), 0

    primitive = Primitive(product.__name__)
    primitive.product = product  # for whoever asks of what operations it consists
    primitive.def_impl(jax.jit(product))
    primitive.def_abstract_eval(abstract)
    mlir.register_lowering(primitive, mlir.lower_fun(product, multiple_results=False))
    ad.defbilinear(
        primitive,
        lambda dy, first, second: of_first(dy, second, first.aval.shape),
        lambda dy, first, second: of_second(dy, first, second.aval.shape),
    )
    batching.primitive_batchers[primitive] = in_batches
    return partial(primitive.bind)
