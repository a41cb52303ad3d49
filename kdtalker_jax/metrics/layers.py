"""What networks of weights that users bring share."""

from collections.abc import Sequence

import jax
from jax import lax


def convolve(
    x: jax.Array, kernel: jax.Array, bias: jax.Array, stride: int = 1, border: Sequence[int] | None = None
) -> jax.Array:
    """Pictures (N, H, W, I) by a kernel (h, w, I, O), in float32 on every device: numbers are compared with others'.

    Args:
        bias: (O,).
        border: pixels of zeros above and below, left and right; half of the kernel unless given.
    """
    borders = [(pixels, pixels) for pixels in (border or [side // 2 for side in kernel.shape[:2]])]
    dimensions, precision = ("NHWC", "HWIO", "NHWC"), lax.Precision.HIGHEST
    x = lax.conv_general_dilated(
        x, kernel, (stride, stride), borders, dimension_numbers=dimensions, precision=precision
    )
    return x + bias[None, None, None]
