"""Convolution with wide kernels as products of Fourier coefficients, tile by tile (overlap-save), for CPUs.

A 7x7 kernel takes 49 products per output. The discrete Fourier transform of a tile turns convolution into one complex
product per frequency: for tiles of 14x14 inputs and 8x8 outputs that is 6 real products per output. Transforms are
products with constant matrices, which at this size beat fast transforms. Their rounding is that of the direct form.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kdtalker_jax.nn.convolution import sum_taps

TILE = 8  # outputs along each axis


def fourier_pays(kernel: jax.Array, height: int, width: int) -> bool:
    """Whether `conv3d_fourier` beats the direct form, as measured on CPUs, for a 2-D kernel (KH, KW, I, O)."""
    size = kernel.shape[0]
    return size == kernel.shape[1] >= 5 and min(kernel.shape[2:]) >= 64 and height % TILE == width % TILE == 0


def fourier_kernel(kernel: jax.Array) -> jax.Array:
    """2-D kernel (K, K, I, O) as `conv3d_fourier` takes it: (F, 2 I, 2 O), complex numbers as 2x2 matrices."""
    waves = _waves(kernel.shape[0])[:, : kernel.shape[0], : kernel.shape[0]]  # (F, K, K)
    # The conjugate: these convolutions do not flip their kernels.
    real, imaginary = (
        jnp.einsum("fhw,hwio->fio", jnp.asarray(part, jnp.float32), kernel, precision="highest")
        for part in (waves.real, -waves.imag)
    )
    rows = [jnp.concatenate([real, imaginary], -1), jnp.concatenate([-imaginary, real], -1)]
    return jnp.concatenate(rows, axis=1)


def conv3d_fourier(x: jax.Array, transformed: jax.Array, kernel_size: tuple[int, int, int]) -> jax.Array:
    """3-D convolution, Fourier along height and width, depth taps as outputs.

    x (N, D, H, W, I), `fourier_kernel` (F, 2 I, 2 KD O) of the `plane_kernel` -> (N, D, H, W, O). H and W are multiples
    of `TILE`.
    """
    n, depth, height, width, inputs = x.shape
    taps, size, _ = kernel_size
    rows, columns, length, half = height // TILE, width // TILE, TILE + size - 1, size // 2
    forward, inverse = _transforms(size)
    frequencies, margin = len(transformed), (half, half)
    x = jnp.pad(x, ((0, 0), (0, 0), margin, margin, (0, 0)))

    def convolve_row(i: jax.Array) -> jax.Array:
        """One row of tiles of all planes of one volume."""
        strip = lax.dynamic_slice_in_dim(x[i // rows], i % rows * TILE, length, axis=1)  # (D, L, W, I)
        tiles = jnp.stack([strip[:, :, j * TILE : j * TILE + length] for j in range(columns)])
        tiles = tiles.transpose(2, 3, 0, 1, 4).reshape(length**2, -1)  # (L L, columns D I)
        v = (forward @ tiles).reshape(2, frequencies, columns * depth, inputs)
        v = v.transpose(1, 2, 0, 3).reshape(frequencies, columns * depth, 2 * inputs)  # real parts, imaginary parts
        y = jnp.einsum("fti,fio->fto", v, transformed).reshape(frequencies, columns, depth, 2, taps, -1)
        y = sum_taps(y, axis=2, taps_axis=4, factor=1).transpose(3, 0, 1, 2, 4)  # (2, F, columns, D, O)
        return (inverse @ y.reshape(2 * frequencies, -1)).reshape(TILE, TILE, columns, depth, -1)

    y = lax.map(convolve_row, jnp.arange(n * rows)).reshape(n, rows, TILE, TILE, columns, depth, -1)
    return y.transpose(0, 5, 1, 2, 4, 3, 6).reshape(n, depth, height, width, -1)


@cache
def _waves(size: int) -> np.ndarray:
    """exp(-2 pi i (f h + g w) / L) as (F, L, L), one of each pair of frequencies that real tiles determine together."""
    length = TILE + size - 1  # even, as `size` is odd
    steps = np.arange(length)
    half = length // 2
    pairs = [(f, g) for f in steps for g in range(half + 1) if 0 < g < half or f <= half]
    f, g = np.array(pairs).T[..., None, None]
    return np.exp(-2j * np.pi * (f * steps[:, None] + g * steps) / length)


@cache
def _transforms(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Tiles to coefficients (2 F, L L), real parts first, and coefficients to the outputs of a tile (T T, 2 F)."""
    waves = _waves(size)
    frequencies, length, _ = waves.shape
    flat = waves.reshape(frequencies, -1)
    # A frequency stands for its conjugate too, except where the two are the same.
    same = np.isclose(flat.imag, 0).all(axis=1)
    weights = np.where(same, 1, 2)[:, None, None] / length**2
    outputs = (np.conj(waves) * weights)[:, :TILE, :TILE].reshape(frequencies, -1).T
    forward = np.concatenate([flat.real, flat.imag])
    return forward.astype(np.float32), np.concatenate([outputs.real, -outputs.imag], axis=1).astype(np.float32)
