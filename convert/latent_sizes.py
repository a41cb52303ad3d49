"""Sizes of a latent diffusion model, as the shapes of its tensors tell them."""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convert.latent_layout import AUTOENCODER, UNET
from convert.weights_file import Tensor
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.systems import find_system, resolve

FIRST = "input_blocks.0.0.weight"
NOT_TOLD = ("head_width", "groups")  # by any shape


@dataclass(frozen=True)
class Widened:
    """A first kernel with zeros for the conditions that it was trained without."""

    kernel: Tensor  # (O, fewer inputs, 3, 3)
    shape: tuple[int, ...]

    def numpy(self) -> np.ndarray:
        kernel = self.kernel.numpy()
        missing = self.shape[1] - kernel.shape[1]
        return np.concatenate([kernel, np.zeros_like(kernel, shape=(kernel.shape[0], missing, *kernel.shape[2:]))], 1)


def widened(tensors: Mapping[str, Tensor], sizes: Any, say: Callable[[str], object]) -> Mapping[str, Tensor]:
    """A U-Net's tensors, whose first kernel takes as many channels as the sizes want, the further ones with zeros."""
    first, inputs = tensors.get(FIRST), sizes.channels + sizes.condition_channels
    if first is None or len(first.shape) != 4 or first.shape[1] >= inputs:
        return tensors
    say(f"unet: its first kernel takes {first.shape[1]} channels, and is filled with zeros for {inputs}")
    return {**tensors, FIRST: Widened(first, (first.shape[0], inputs, *first.shape[2:]))}


def config_of(parts: Mapping[str, Mapping[str, Tensor]], head_width: int | None, source: Path) -> ModelConfig:
    """The sizes of a model of such tensors by part; of a part that is not there those of a size with a name.

    What shapes do not tell is as in the size with a name that they are of, otherwise as published.

    Raises:
        CheckpointError: no network has such sizes.
    """
    system = find_system("latent_diffusion")
    models: dict[str, ModelConfig] = resolve(system.configs)
    published = next(iter(models.values()))
    sections = {}
    for name, tensors in parts.items():
        shapes = {key: tensor.shape for key, tensor in tensors.items()}
        try:
            sections[name] = _READ[name](shapes, getattr(published, name))
        except ValueError as error:
            raise CheckpointError(f"{source} holds {name} of sizes that no network has ({error})") from error
    for model in models.values():
        if all(_told(model.sections[name]) == _told(sizes) for name, sizes in sections.items()):
            config = model
            break
    else:
        config = published.replace("custom", **sections)
    if head_width and UNET in sections and head_width != config.unet.head_width:
        config = config.replace("custom", unet=dataclasses.replace(config.unet, head_width=head_width))
    if UNET in parts:
        _check_heads(config, source)
    return config


def _told(sizes: Any) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(sizes).items() if name not in NOT_TOLD}


def _check_heads(config: ModelConfig, source: Path) -> None:
    sizes = config.unet
    levels = range(len(sizes.multipliers))
    widths = {sizes.width * sizes.multipliers[i] for i in levels if 2**i in sizes.attention}
    for width in sorted(widths | {sizes.width * sizes.multipliers[-1]}):
        if width % sizes.head_width:
            raise CheckpointError(
                f"{source} has attention over {width} channels, which are not heads of {sizes.head_width}: "
                "say how wide its heads are with `head_width`"
            )


Shapes = Mapping[str, tuple[int, ...]]


def _autoencoder(shapes: Shapes, published: Any) -> Any:
    read = _Reader(shapes)
    width = read.size("encoder.conv_in.weight", 0, published.width)
    levels = read.numbers(r"encoder\.down\.(\d+)\.block\.0\.conv1\.weight")
    return dataclasses.replace(
        published,
        width=width,
        multipliers=read.multipliers(width, [f"encoder.down.{i}.block.0.conv1.weight" for i in levels])
        or published.multipliers,
        blocks=len(read.numbers(r"encoder\.down\.0\.block\.(\d+)\.conv1\.weight")) or published.blocks,
        latent_channels=read.size("encoder.conv_out.weight", 0, published.latent_channels),
        codes=read.size("quantize.embedding.weight", 0, published.codes),
        code_width=read.size("quantize.embedding.weight", 1, published.code_width),
    )


def _unet(shapes: Shapes, published: Any) -> Any:
    read = _Reader(shapes)
    width = read.size(FIRST, 0, published.width)
    channels = read.size("out.2.weight", 0, published.channels)
    residuals = read.numbers(r"input_blocks\.(\d+)\.0\.in_layers\.2\.weight")
    halvings = read.numbers(r"input_blocks\.(\d+)\.0\.op\.weight")
    attentions = read.numbers(r"input_blocks\.(\d+)\.1\.qkv\.weight")
    if not residuals:
        return published  # what is missing is listed by whoever wants it
    starts = [1, *(halving + 1 for halving in halvings)]  # of the levels
    factors = {2 ** sum(halving < index for halving in halvings) for index in attentions}
    inputs = read.size(FIRST, 1, channels * (1 + published.conditions))
    return dataclasses.replace(
        published,
        channels=channels,
        conditions=max(published.conditions, -(-inputs // max(channels, 1)) - 1),
        width=width,
        multipliers=read.multipliers(width, [f"input_blocks.{i}.0.in_layers.2.weight" for i in starts]),
        blocks=halvings[0] - 1 if halvings else len(residuals),
        attention=tuple(sorted(factors, reverse=True)),
    )


_READ = {AUTOENCODER: _autoencoder, UNET: _unet}


class _Reader:
    """Of shapes in PyTorch's layout, (O, I, ...), of which any may be missing or absurd."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes

    def size(self, key: str, axis: int, default: int) -> int:
        shape = self._shapes.get(key, ())
        return shape[axis] if axis < len(shape) else default

    def numbers(self, pattern: str) -> list[int]:
        """Those that the one placeholder of a key stands for, rising."""
        matches = (re.fullmatch(pattern, key) for key in self._shapes)
        return sorted({int(match[1]) for match in matches if match})

    def multipliers(self, width: int, keys: Iterable[str]) -> tuple[int, ...]:
        """What the outputs of kernels are multiples of `width` by."""
        outputs = [self.size(key, 0, width) for key in keys]
        if width < 1 or any(size % width for size in outputs):
            raise ValueError(f"{', '.join(map(str, outputs))} channels are not multiples of {width}")
        return tuple(size // width for size in outputs)
