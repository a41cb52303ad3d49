"""Distances between pictures as a classifier of pictures sees them (perceptual loss, arXiv 1603.08155).

The classifier is a VGG of any depth whose weights the user brings: trained on ImageNet for what a picture shows, on
faces (VGG-Face) for whose face it is. Nothing here needs one unless `loss.perceptual` or `loss.identity` asks for it.
"""

import re
from pathlib import Path

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from configs.renderer import RendererConfig
from kdtalker_jax.errors import InputError
from kdtalker_jax.renderers.liveportrait.training.loss import halved
from kdtalker_jax.weight_files import read_arrays

MEAN, STD = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])  # of ImageNet's colours
SCALES = 3  # of the pictures: as they are, and averaged over 2x2 and 4x4 pixels
SMALLEST = 32  # pixels of a scale's side

Block = tuple[tuple[jax.Array, jax.Array], ...]  # kernel (3, 3, I, O) and bias (O,) of convolutions in turn


class Classifiers(flax.struct.PyTreeNode):
    """Blocks of convolutions, with a pooling between them; None where a term is switched off."""

    perceptual: tuple[Block, ...] | None
    identity: tuple[Block, ...] | None


def load_classifiers(config: RendererConfig) -> Classifiers:
    """Those that the terms of a run's loss need.

    Raises:
        InputError: a term has no file of weights, or the file is not that of a VGG.
    """
    loaded = {}
    for term in ("perceptual", "identity"):
        path, weight = getattr(config, f"{term}_weights"), getattr(config.loss, term)
        if weight and not path:
            raise InputError(f"loss.{term} needs the weights of a VGG: set {term}_weights to their file, or it to 0.")
        loaded[term] = load_vgg(Path(path)) if weight else None
    return Classifiers(**loaded)


def load_vgg(path: Path) -> tuple[Block, ...]:
    """Reads a VGG from .safetensors or .npz, named and laid out as by torchvision: features.<layer>.weight, .bias.

    Layers are numbered with their ReLUs and poolings, so that the gaps tell where a pooling is.
    """
    arrays = read_arrays(path)
    numbers = sorted(int(found[1]) for name in arrays if (found := re.fullmatch(r"features\.(\d+)\.weight", name)))
    if not numbers:
        raise InputError(f"{path} has no features.0.weight in it: give the weights of a VGG as torchvision names them.")
    blocks: list[list] = []
    for number, before in zip(numbers, [-3, *numbers], strict=False):
        if number - before > 2:
            blocks.append([])
        kernel = jnp.asarray(arrays[f"features.{number}.weight"], jnp.float32).transpose(2, 3, 1, 0)
        blocks[-1].append((kernel, jnp.asarray(arrays[f"features.{number}.bias"], jnp.float32)))
    return tuple(map(tuple, blocks))


def features(blocks: tuple[Block, ...], picture: jax.Array) -> list[jax.Array]:
    """The map after the first convolution of each block, of pictures (N, H, W, 3) in [0, 1]."""
    x, taken = (picture - MEAN[None, None, None]) / STD[None, None, None], []
    for i, block in enumerate(blocks):
        if i:
            x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        for j, (kernel, bias) in enumerate(block):
            x = lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            x = jax.nn.relu(x + bias[None, None, None])
            if j == 0:
                taken.append(x)
            if j == 0 and i == len(blocks) - 1:
                return taken
    return taken


def perceptual_loss(blocks: tuple[Block, ...], output: jax.Array, target: jax.Array) -> jax.Array:
    """L1 between features of pictures (N, H, W, 3) at several scales: (N,)."""
    total, scales = jnp.zeros(len(output), jnp.float32), 0
    while scales < SCALES and output.shape[1] >= SMALLEST:
        pairs = zip(features(blocks, output), features(blocks, target), strict=True)
        total += sum(jnp.abs(a - b).mean(axis=(1, 2, 3)) for a, b in pairs)
        output, target, scales = halved(output), halved(target), scales + 1
    return total / max(scales, 1)


def identity_loss(blocks: tuple[Block, ...], output: jax.Array, target: jax.Array) -> jax.Array:
    """1 - cosine between the deepest features, averaged over each picture: (N,)."""
    a, b = (features(blocks, picture)[-1].mean(axis=(1, 2)) for picture in (output, lax.stop_gradient(target)))
    norms = jnp.linalg.norm(a, axis=-1) * jnp.linalg.norm(b, axis=-1)
    return 1 - (a * b).sum(axis=-1) / jnp.maximum(norms, 1e-6)
