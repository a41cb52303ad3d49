"""Nearly all that these tests wait for is compiling."""

from tests.quick import quick_compilation

__all__ = ["quick_compilation"]
