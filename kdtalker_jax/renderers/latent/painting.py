"""Landmarks to image, the second half of DreamHead (arXiv 2409.10281): mouths painted by latent diffusion.

Pure functions. Latents z are those before quantisation (B, h, w, C).
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from kdtalker_jax.diffusion.prediction import noised
from kdtalker_jax.diffusion.samplers import make_sampler, sample
from kdtalker_jax.renderers.latent.config import PaintingConfig
from kdtalker_jax.renderers.latent.masks import feathered, inside
from kdtalker_jax.renderers.latent.model import SCHEDULE, noise_in
from kdtalker_jax.renderers.latent.parts import AUTOENCODER, UNET
from kdtalker_jax.seeds import random_key
from kdtalker_jax.spaces.landmarks.pictures import landmark_pictures

Params = Mapping[str, Any]  # by the name of the part
Networks = Mapping[str, nn.Module]


class Canvas(NamedTuple):
    """Pictures that mouths are painted into."""

    pictures: jax.Array  # uint8 (B, S, S, 3)
    boxes: jax.Array  # int32 (B, 4), where, in pixels
    whole: jax.Array  # (B, h, w, C) latents of the pictures
    masked: jax.Array  # (B, h, w, C) latents of the pictures with black boxes


class Reference(NamedTuple):
    """What shows the person: a picture with its landmarks."""

    picture: jax.Array  # (B, h, w, C) latents
    lines: jax.Array  # (B, h, w, C) latents of the picture of its landmarks


class Painted(NamedTuple):
    """What has been painted."""

    frames: jax.Array  # uint8 (B, S, S, 3): the pictures, which outside the boxes are as they were
    faces: jax.Array  # uint8 (B, S, S, 3): as the networks paint them, everywhere
    finite: jax.Array  # (B,): where arithmetic held


def canvas_of(networks: Networks, params: Params, pictures: jax.Array, boxes: jax.Array) -> Canvas:
    """Pictures uint8 (B, S, S, 3), to be painted in boxes (B, 4)."""
    seen = in_range(pictures)
    masked = blackened(seen, boxes)
    return Canvas(pictures, boxes, encode(networks, params, seen), encode(networks, params, masked))


def reference_of(networks: Networks, params: Params, pictures: jax.Array, points: jax.Array) -> Reference:
    """Of pictures uint8 (B, S, S, 3) and their landmarks (B, N, 3)."""
    lines = landmark_pictures(points, pictures.shape[1])
    return Reference(encode(networks, params, in_range(pictures)), encode(networks, params, lines))


def paint(
    networks: Networks,
    settings: PaintingConfig,
    params: Params,
    reference: Reference,
    canvas: Canvas,
    points: jax.Array,
) -> Painted:
    """Pictures with mouths as landmarks say.

    Latents outside the boxes are held at those of the pictures, noised to each step; all frames begin with one noise.

    Args:
        reference, canvas: of one frame for all, or one for each.
        points: (B, N, 3) landmarks in the pictures.
    """
    batch, size = len(points), settings.image_size
    reference, canvas = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (batch, *leaf.shape[1:])), (reference, canvas))
    lines = encode(networks, params, landmark_pictures(points, size))
    conditions = joined(canvas.masked, reference, lines)
    start = one_noise(settings, canvas.whole.shape)
    free = inside(canvas.boxes, size, size // canvas.whole.shape[1])  # (B, h, w, 1)

    def denoise(x: jax.Array, time: jax.Array) -> jax.Array:
        x = jnp.where(free > 0, x, noised(canvas.whole, start, time, SCHEDULE))
        times = jnp.broadcast_to(time, batch)
        return noise_in(networks[UNET.name], params[UNET.name], x, times, conditions)

    z = sample(denoise, make_sampler("ddim", settings.steps, SCHEDULE), start)
    z = jnp.where(free > 0, z, canvas.whole)
    painted = decode(networks, params, z)  # (B, S, S, 3)
    finite = jnp.isfinite(z).all(axis=(1, 2, 3)) & jnp.isfinite(painted).all(axis=(1, 2, 3))
    share = feathered(canvas.boxes, size, settings.feather)
    return Painted(mixed(canvas.pictures, painted, share), in_levels(painted), finite)


def paint_in_turn(
    networks: Networks,
    settings: PaintingConfig,
    params: Params,
    reference: Reference,
    canvas: Canvas,
    points: jax.Array,
    seen: jax.Array,
) -> tuple[Reference, Painted]:
    """`paint`, each frame with the one before it as its reference.

    Args:
        reference: (1, ...), of the frame before the first. canvas: of one frame for all, or one for each.
        seen: (B,) bool, which frames show the face: the others are no reference.

    Returns:
        The reference for the frame after the last, and what is painted.
    """
    canvas = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (len(points), *leaf.shape[1:])), canvas)

    def one(before: Reference, now: tuple[Canvas, jax.Array, jax.Array]) -> tuple[Reference, Painted]:
        canvas, points, seen = jax.tree.map(lambda leaf: leaf[None], now)
        painted = paint(networks, settings, params, before, canvas, points)
        after = reference_of(networks, params, painted.frames, points)
        after = jax.tree.map(lambda new, old: jnp.where(seen, new, old), after, before)
        return after, jax.tree.map(lambda leaf: leaf[0], painted)

    return jax.lax.scan(one, reference, (canvas, points, jnp.asarray(seen)))


def joined(masked: jax.Array, reference: Reference, lines: jax.Array) -> jax.Array:
    """The conditions of the U-Net, in their order: (B, h, w, 4 C)."""
    return jnp.concatenate([masked, reference.picture, lines, reference.lines], axis=-1)


def one_noise(settings: PaintingConfig, shape: tuple[int, ...]) -> jax.Array:
    """What all frames begin with, (B, h, w, C): else their textures would flicker."""
    noise = jax.random.normal(random_key(settings.seed), shape[1:], jnp.float32)
    return jnp.broadcast_to(noise, shape)


def in_range(pictures: jax.Array) -> jax.Array:
    """uint8 (B, S, S, 3) -> float32, -1 to 1."""
    return pictures.astype(jnp.float32) / 127.5 - 1


def blackened(pictures: jax.Array, boxes: jax.Array) -> jax.Array:
    """Pictures (B, S, S, 3), -1 to 1, with black boxes (B, 4)."""
    return jnp.where(inside(boxes, pictures.shape[1]) > 0, -1, pictures)


def mixed(pictures: jax.Array, painted: jax.Array, share: jax.Array) -> jax.Array:
    """uint8 pictures with as much of what is painted, (B, S, S, 3) -1 to 1, as its share (B, S, S, 1) says."""
    painted = (jnp.clip(painted, -1, 1) + 1) * 127.5
    picture = pictures.astype(jnp.float32)
    return jnp.rint(picture + share * (painted - picture)).astype(jnp.uint8)


def in_levels(painted: jax.Array) -> jax.Array:
    """float32 (B, S, S, 3), about -1 to 1 -> uint8."""
    return jnp.rint((jnp.clip(painted, -1, 1) + 1) * 127.5).astype(jnp.uint8)


def encode(networks: Networks, params: Params, images: jax.Array) -> jax.Array:
    return networks[AUTOENCODER.name].apply(params[AUTOENCODER.name], images, method="encode")


def decode(networks: Networks, params: Params, z: jax.Array) -> jax.Array:
    """Quantises first, as the autoencoder was trained."""
    apply = partial(networks[AUTOENCODER.name].apply, params[AUTOENCODER.name])
    quantised, _ = apply(z, method="quantise")
    return apply(quantised, method="decode")
