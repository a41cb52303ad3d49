"""ArcFace (Deng et al., arXiv 1801.07698): who a face is, as CSIM is measured in papers.

The network is the residual one of its authors' program arcface_torch, of any depth; the weights are the user's.
"""

import os
from functools import partial
from itertools import count
from typing import NamedTuple

import cv2
import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.errors import InputError
from kdtalker_jax.metrics.layers import convolve
from kdtalker_jax.weight_files import Weights, read_arrays

SIDE = 112  # of the picture that it sees, in pixels
SIZE = 512  # numbers of a face
WIDTHS = (64, 128, 256, 512)  # of the stages, each of which halves the picture
_LAST = SIDE >> len(WIDTHS)
_EPSILON = 1e-5  # of the norms
# Where the eyes, the tip of the nose and the corners of the mouth are in that picture.
_PLACES = np.float64(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)

Norm = tuple[np.ndarray, np.ndarray]  # factor and summand (C,)


class Block(NamedTuple):
    """Norm, convolution, norm, PReLU, convolution, norm, and what went in, which `shortcut` brings into shape."""

    norm: Norm
    first: tuple[np.ndarray, np.ndarray]  # kernel with the norm behind it in it, bias
    slopes: np.ndarray
    second: tuple[np.ndarray, np.ndarray]
    shortcut: tuple[np.ndarray, np.ndarray] | None


class Layers(NamedTuple):
    stem: tuple[np.ndarray, np.ndarray]
    slopes: np.ndarray
    stages: tuple[tuple[Block, ...], ...]
    norm: Norm
    dense: tuple[np.ndarray, np.ndarray]  # (7, 7, 512, 512), (512,)


def load_arcface(file: str | os.PathLike[str]) -> Layers:
    """Reads weights named as by arcface_torch's iresnet: `layer1.0.bn1.weight`; as many blocks as there are.

    Raises:
        InputError: the file cannot be read, or is not of this network.
    """
    advice = "give the weights of an iresnet as arcface_torch names them"
    weights = Weights(read_arrays(file), file, advice)
    stages, inputs = [], WIDTHS[0]
    for number, width in enumerate(WIDTHS, start=1):
        blocks = []
        for index in count():
            name = f"layer{number}.{index}"
            if index and f"{name}.conv1.weight" not in weights:
                break
            blocks.append(_block(weights, name, inputs, width))
            inputs = width
        stages.append(tuple(blocks))
    factor, bias = weights.norm("features", SIZE, _EPSILON)
    dense = weights.take("fc.weight", SIZE, WIDTHS[-1] * _LAST**2).reshape(SIZE, WIDTHS[-1], _LAST, _LAST)
    return Layers(
        _folded(weights, "conv1", "bn1", WIDTHS[0], 3, 3),
        weights.take("prelu.weight", WIDTHS[0]),
        tuple(stages),
        weights.norm("bn2", WIDTHS[-1], _EPSILON),
        (dense.transpose(2, 3, 1, 0) * factor, weights.take("fc.bias", SIZE) * factor + bias),
    )


def _block(weights: Weights, name: str, inputs: int, width: int) -> Block:
    halves = f"{name}.downsample.0.weight" in weights
    if halves != name.endswith(".0"):
        raise InputError(f"{weights.file} has blocks of another network in {name}: {weights.advice}.")
    return Block(
        weights.norm(f"{name}.bn1", inputs, _EPSILON),
        _folded(weights, f"{name}.conv1", f"{name}.bn2", width, inputs, 3),
        weights.take(f"{name}.prelu.weight", width),
        _folded(weights, f"{name}.conv2", f"{name}.bn3", width, width, 3),
        _folded(weights, f"{name}.downsample.0", f"{name}.downsample.1", width, inputs, 1) if halves else None,
    )


def _folded(weights: Weights, conv: str, norm: str, outputs: int, inputs: int, kernel: int) -> tuple:
    """Kernel (H, W, I, O) and bias of a convolution and the norm behind it."""
    factor, bias = weights.norm(norm, outputs, _EPSILON)
    return weights.kernel(f"{conv}.weight", outputs, inputs, kernel, kernel) * factor, bias


def arcface(layers: Layers, pictures: jax.Array) -> jax.Array:
    """Of aligned RGB pictures (N, 112, 112, 3) in 0..255: (N, 512)."""
    x = _prelu(convolve(pictures / 127.5 - 1, *layers.stem), layers.slopes)
    for blocks in layers.stages:
        for block in blocks:
            stride = 2 if block.shortcut else 1
            y = _prelu(convolve(_scaled(x, block.norm), *block.first), block.slopes)
            shortcut = convolve(x, *block.shortcut, 2) if block.shortcut else x
            x = convolve(y, *block.second, stride) + shortcut
    kernel, bias = layers.dense
    return jnp.einsum("nhwc,hwco->no", _scaled(x, layers.norm), kernel, precision="highest") + bias[None]


def _scaled(x: jax.Array, norm: Norm) -> jax.Array:
    factor, summand = norm
    return x * factor[None, None, None] + summand[None, None, None]


def _prelu(x: jax.Array, slopes: jax.Array) -> jax.Array:
    return jnp.maximum(x, 0) + slopes[None, None, None] * jnp.minimum(x, 0)


class ArcFaceReader:
    """The network, compiled for one face.

    Args:
        file: see `load_arcface`.
    """

    size = SIZE

    def __init__(self, file: str | os.PathLike[str]) -> None:
        self._see = partial(jax.jit(arcface), jax.device_put(load_arcface(file)))

    def __call__(self, image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """512 numbers of a face with landmarks (68, 2) in pixels of a uint8 RGB picture (H, W, 3)."""
        return np.asarray(self._see(aligned(image, landmarks)[None].astype(np.float32)))[0].astype(np.float64)


def aligned(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The face as ArcFace takes it, uint8 (112, 112, 3): turned, scaled and moved so that five points lie best."""
    eyes = landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0)
    points = np.stack([*eyes, landmarks[30], landmarks[48], landmarks[54]])  # (5, 2)
    middle, place = points.mean(axis=0), _PLACES.mean(axis=0)
    (x, y), (u, v) = (points - middle).T, (_PLACES - place).T
    along, across = np.array([x @ u + y @ v, x @ v - y @ u]) / (x @ x + y @ y)  # least squares of a similarity
    turn = np.array([[along, -across], [across, along]])
    return cv2.warpAffine(image, np.column_stack([turn, place - turn @ middle]), (SIDE, SIDE))
