"""Shapes asserted while a network is traced, by chex: where it is not installed, networks run without the assertions.

So whoever takes a network alone needs JAX, Flax and NumPy, and nothing else.
"""

try:
    from chex import assert_equal_shape, assert_shape
except ImportError:

    def assert_shape(inputs: object, expected: object) -> None:
        """Nothing: a shape that does not fit shows in the layer that cannot take it."""

    def assert_equal_shape(inputs: object) -> None:
        """Nothing, likewise."""


__all__ = ["assert_equal_shape", "assert_shape"]
