"""The adversary of the renderer: patch discriminators at several scales (pix2pixHD, arXiv 1711.11585)."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from kdtalker_jax.nn.blocks import SpectralConv
from kdtalker_jax.renderers.liveportrait.training.loss import halved

SLOPE = 0.2
LARGEST = 4  # times the width of the first layer


class Verdict(NamedTuple):
    """Of one scale: logits (N, h, w, 1), above 0 for real, and the maps that led to them."""

    logits: jax.Array
    features: tuple[jax.Array, ...]


class MultiScaleDiscriminator(nn.Module):
    """Pictures (N, H, W, 3) in [0, 1] -> a verdict on the picture and on its averages over 2x2, 4x4, ... pixels."""

    width: int
    scales: int

    @nn.compact
    def __call__(self, picture: jax.Array, train: bool = False) -> list[Verdict]:
        verdicts = []
        for i in range(self.scales):
            verdicts.append(PatchDiscriminator(self.width, name=f"scale_{i}")(picture, train))
            picture = halved(picture)
        return verdicts


class PatchDiscriminator(nn.Module):
    """Four spectrally normalised convolutions, each of the first three before a halving."""

    width: int

    @nn.compact
    def __call__(self, picture: jax.Array, train: bool = False) -> Verdict:
        x = _to_depth(2 * picture - 1)  # (N, H / 2, W / 2, 12)
        features = []
        for i, factor in enumerate((1, 2, LARGEST, LARGEST)):
            x = nn.leaky_relu(SpectralConv(factor * self.width, 3, folded=False, name=f"layer_{i}")(x, train), SLOPE)
            features.append(x)
            if i < 3:
                x = halved(x)
        return Verdict(SpectralConv(1, 3, folded=False, name="logits")(x, train), tuple(features))


def discriminator_loss(real: list[Verdict], fake: list[Verdict]) -> jax.Array:
    """Hinge loss (N,) that the discriminator minimises."""
    return sum(_mean(nn.relu(1 - r.logits)) + _mean(nn.relu(1 + f.logits)) for r, f in zip(real, fake, strict=True))


def adversarial_loss(fake: list[Verdict]) -> jax.Array:
    """What the generator minimises, (N,)."""
    return sum(-_mean(f.logits) for f in fake) / len(fake)


def matching_loss(real: list[Verdict], fake: list[Verdict]) -> jax.Array:
    """L1 between the features of two pictures, (N,)."""
    pairs = [pair for r, f in zip(real, fake, strict=True) for pair in zip(r.features, f.features, strict=True)]
    return sum(_mean(jnp.abs(jax.lax.stop_gradient(r) - f)) for r, f in pairs) / len(pairs)


def _mean(x: jax.Array) -> jax.Array:
    return x.mean(axis=(1, 2, 3))


def _to_depth(x: jax.Array) -> jax.Array:
    """Blocks of 2x2 pixels as channels: the first layer would be the dearest of all at full size."""
    n, height, width, channels = x.shape
    x = x.reshape(n, height // 2, 2, width // 2, 2, channels).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(n, height // 2, width // 2, 4 * channels)
