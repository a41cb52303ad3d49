"""Inception-v3 (Szegedy et al., arXiv 1512.00567) as FID sees pictures: the network that was trained in 2015.

The weights are the user's, under torchvision's names, as the package pytorch-fid distributes them. That network
departs from torchvision's: means over a picture's border leave out what is padded, and its last block takes maxima.
"""

import os
from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

import cv2
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kdtalker_jax.batching import in_stacks
from kdtalker_jax.metrics.frechet import Moments
from kdtalker_jax.metrics.layers import convolve
from kdtalker_jax.weight_files import Weights, read_arrays

SIDE = 299  # pixels that pictures are resized to
FEATURES = 2048
_EPSILON = 1e-3  # of the batch norms


class Conv(NamedTuple):
    """Convolution, batch norm and ReLU; padded by half of the kernel, or not at all."""

    name: str
    width: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    padded: bool = True


class Pool(NamedTuple):
    """Mean (`mean`) or largest value of 3 x 3; with stride 1 of what lies within the picture, else unpadded."""

    mean: bool = False
    stride: int = 1


class Fork(NamedTuple):
    """Convolutions of the same input, side by side in the output."""

    branches: tuple[Conv, ...]


class Block(NamedTuple):
    """Branches of the same input, side by side in the output."""

    name: str
    branches: tuple[tuple[Conv | Pool | Fork, ...], ...]


_THREE, _WIDE, _HIGH = (3, 3), (1, 7), (7, 1)
_MEAN, _MAX, _HALVED = Pool(mean=True), Pool(), Pool(stride=2)


def _block_a(name: str, pooled: int) -> Block:
    fives = Conv("branch5x5_1", 48), Conv("branch5x5_2", 64, (5, 5))
    threes = Conv("branch3x3dbl_1", 64), Conv("branch3x3dbl_2", 96, _THREE), Conv("branch3x3dbl_3", 96, _THREE)
    return Block(name, ((Conv("branch1x1", 64),), fives, threes, (_MEAN, Conv("branch_pool", pooled))))


def _block_b(name: str) -> Block:
    threes = Conv("branch3x3dbl_1", 64), Conv("branch3x3dbl_2", 96, _THREE)
    last = Conv("branch3x3dbl_3", 96, _THREE, 2, False)
    return Block(name, ((Conv("branch3x3", 384, _THREE, 2, False),), (*threes, last), (_HALVED,)))


def _block_c(name: str, width: int) -> Block:
    once = Conv("branch7x7_1", width), Conv("branch7x7_2", width, _WIDE), Conv("branch7x7_3", 192, _HIGH)
    twice = (
        Conv("branch7x7dbl_1", width),
        Conv("branch7x7dbl_2", width, _HIGH),
        Conv("branch7x7dbl_3", width, _WIDE),
        Conv("branch7x7dbl_4", width, _HIGH),
        Conv("branch7x7dbl_5", 192, _WIDE),
    )
    return Block(name, ((Conv("branch1x1", 192),), once, twice, (_MEAN, Conv("branch_pool", 192))))


def _block_d(name: str) -> Block:
    threes = Conv("branch3x3_1", 192), Conv("branch3x3_2", 320, _THREE, 2, False)
    sevens = Conv("branch7x7x3_1", 192), Conv("branch7x7x3_2", 192, _WIDE), Conv("branch7x7x3_3", 192, _HIGH)
    return Block(name, (threes, (*sevens, Conv("branch7x7x3_4", 192, _THREE, 2, False)), (_HALVED,)))


def _block_e(name: str, pool: Pool) -> Block:
    def fork(stem: str) -> Fork:
        return Fork((Conv(f"{stem}a", 384, (1, 3)), Conv(f"{stem}b", 384, (3, 1))))

    threes = Conv("branch3x3_1", 384), fork("branch3x3_2")
    twice = Conv("branch3x3dbl_1", 448), Conv("branch3x3dbl_2", 384, _THREE), fork("branch3x3dbl_3")
    return Block(name, ((Conv("branch1x1", 320),), threes, twice, (pool, Conv("branch_pool", 192))))


NETWORK: tuple[Conv | Pool | Block, ...] = (
    Conv("Conv2d_1a_3x3", 32, _THREE, 2, False),
    Conv("Conv2d_2a_3x3", 32, _THREE, 1, False),
    Conv("Conv2d_2b_3x3", 64, _THREE),
    _HALVED,
    Conv("Conv2d_3b_1x1", 80),
    Conv("Conv2d_4a_3x3", 192, _THREE, 1, False),
    _HALVED,
    _block_a("Mixed_5b", 32),
    _block_a("Mixed_5c", 64),
    _block_a("Mixed_5d", 64),
    _block_b("Mixed_6a"),
    _block_c("Mixed_6b", 128),
    _block_c("Mixed_6c", 160),
    _block_c("Mixed_6d", 160),
    _block_c("Mixed_6e", 192),
    _block_d("Mixed_7a"),
    _block_e("Mixed_7b", _MEAN),
    _block_e("Mixed_7c", _MAX),
)

Layers = dict[str, tuple[np.ndarray, np.ndarray]]  # by name: kernel (H, W, I, O) with the norm in it, bias (O,)


def convolutions() -> Iterator[tuple[str, Conv, int]]:
    """All of the network in the order of the layers: whole name, what it is, and how many channels it takes."""
    inputs = 3
    for unit in NETWORK:
        if isinstance(unit, Conv):
            yield unit.name, unit, inputs
            inputs = unit.width
        elif isinstance(unit, Block):
            widths = []
            for branch in unit.branches:
                width = inputs
                for step in branch:
                    forked = step.branches if isinstance(step, Fork) else (step,) if isinstance(step, Conv) else ()
                    yield from ((f"{unit.name}.{conv.name}", conv, width) for conv in forked)
                    width = sum(conv.width for conv in forked) or width
                widths.append(width)
            inputs = sum(widths)


def load_inception(file: str | os.PathLike[str]) -> Layers:
    """Reads a file of weights, as docs/evaluation.md gives their names and shapes.

    Raises:
        InputError: the file cannot be read, or is not of this network.
    """
    weights = Weights(read_arrays(file), file, "give the weights of FID's Inception as pytorch-fid names them")
    layers = {}
    for name, conv, inputs in convolutions():
        factor, bias = weights.norm(f"{name}.bn", conv.width, _EPSILON)
        layers[name] = weights.kernel(f"{name}.conv.weight", conv.width, inputs, *conv.kernel) * factor, bias
    return layers


def resized(picture: np.ndarray) -> np.ndarray:
    """A uint8 picture (H, W, 3) as the network takes it, float32 (299, 299, 3) in 0..255, without smoothing."""
    return cv2.resize(picture.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)


def inception(layers: Layers, pictures: jax.Array) -> jax.Array:
    """Features (N, 2048) of pictures (N, 299, 299, 3) in 0..255."""
    x = pictures / 127.5 - 1
    for unit in NETWORK:
        x = _run(layers, unit, x, "")
    return x.mean(axis=(1, 2))


def _run(layers: Layers, unit: Conv | Pool | Fork | Block, x: jax.Array, within: str) -> jax.Array:
    match unit:
        case Conv(name, _, kernel, stride, padded):
            border = [side // 2 * padded for side in kernel]
            return jax.nn.relu(convolve(x, *layers[within + name], stride, border))
        case Pool(mean, stride):
            return _mean_pool(x) if mean else _pool(x, -jnp.inf, lax.max, stride)
        case Fork(branches):
            return jnp.concatenate([_run(layers, branch, x, within) for branch in branches], axis=-1)
        case Block(name, branches):
            outputs = []
            for branch in branches:
                y = x
                for step in branch:
                    y = _run(layers, step, y, f"{name}.")
                outputs.append(y)
            return jnp.concatenate(outputs, axis=-1)


def _mean_pool(x: jax.Array) -> jax.Array:
    return _pool(x, 0.0, lax.add, 1) / _pool(jnp.ones((1, *x.shape[1:3], 1), x.dtype), 0.0, lax.add, 1)


def _pool(x: jax.Array, initial: float, reduce, stride: int) -> jax.Array:
    border = (1, 1) if stride == 1 else (0, 0)
    return lax.reduce_window(x, initial, reduce, (1, 3, 3, 1), (1, stride, stride, 1), ((0, 0), border, border, (0, 0)))


class PictureStatistics:
    """The network, compiled for batches of one size.

    Args:
        file: see `load_inception`.
        batch_size: pictures that it sees at a time.
    """

    def __init__(self, file: str | os.PathLike[str], batch_size: int = 8) -> None:
        self._see = partial(jax.jit(inception), jax.device_put(load_inception(file)))
        self._batch_size = batch_size

    def __call__(self, frames: Iterable[np.ndarray]) -> Moments:
        """Of uint8 RGB frames (H, W, 3), at least one, which are read one batch at a time."""
        return Moments.of(in_stacks(self._see, self._batch_size, map(resized, frames)))
