"""From batches of pictures to the losses of both networks, (B,) by name. Pure functions."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from configs.dreamhead_training import AutoencoderRun, ImageRun
from kdtalker_jax.renderers.latent.masks import inside
from kdtalker_jax.renderers.latent.model import SCHEDULE
from kdtalker_jax.renderers.latent.painting import (
    Networks,
    blackened,
    encode,
    in_range,
    joined,
    reference_of,
)
from kdtalker_jax.renderers.latent.parts import AUTOENCODER, UNET
from kdtalker_jax.renderers.latent.training.input import Pictures
from kdtalker_jax.renderers.latent.training.loss import codebook_errors, noise_errors, straight_through
from kdtalker_jax.seeds import random_key
from kdtalker_jax.spaces.landmarks.contours import OUTER_EYE_CORNERS, rows_of
from kdtalker_jax.spaces.landmarks.pictures import landmark_pictures


def image_losses(
    networks: Networks, config: ImageRun, params: Any, frozen: Any, pictures: Pictures, step: jax.Array
) -> dict[str, jax.Array]:
    """How well the U-Net finds noise in latents of targets: within the boxes "mouth", and "loss".

    Args:
        networks: both. params: of the U-Net. frozen: of the autoencoder.
    """
    keys = _keys(config.seed, step, pictures.position)  # (B,)
    autoencoder = {AUTOENCODER.name: {"params": frozen}}
    points = roughened(config, jnp.asarray(pictures.points), _streams(keys, 0))
    seen = in_range(jnp.asarray(pictures.targets))
    z = encode(networks, autoencoder, seen)  # (B, h, w, C)
    masked = encode(networks, autoencoder, blackened(seen, pictures.boxes))
    reference = reference_of(networks, autoencoder, jnp.asarray(pictures.references), pictures.reference_points)
    lines = encode(networks, autoencoder, landmark_pictures(points, config.image_size))
    conditions = joined(masked, reference, lines)
    times = jax.vmap(lambda key: jax.random.randint(key, (), 0, SCHEDULE.times, jnp.int32))(_streams(keys, 1))
    noise = jax.vmap(lambda key: jax.random.normal(key, z.shape[1:], jnp.float32))(_streams(keys, 2))

    def predict(x: jax.Array, time: jax.Array) -> jax.Array:
        return networks[UNET.name].apply({"params": params}, x, time, conditions)

    errors = noise_errors(predict, z, noise, times, SCHEDULE).mean(axis=-1, keepdims=True)  # (B, h, w, 1)
    mouth = inside(pictures.boxes, config.image_size, config.autoencoder.factor)
    within = (errors * mouth).sum(axis=(1, 2, 3)) / mouth.sum(axis=(1, 2, 3))
    return {"loss": errors.mean(axis=(1, 2, 3)) + config.mouth * within, "mouth": within}


def roughened(config: ImageRun, points: jax.Array, keys: jax.Array) -> jax.Array:
    """Landmarks (B, N, 3), in a share of the samples as inexact as those that sound makes."""

    def of(key: jax.Array, points: jax.Array) -> jax.Array:
        left, right = points[rows_of(OUTER_EYE_CORNERS, len(points))]
        spread = config.landmark_spread * jnp.linalg.norm(right - left)
        spread = jnp.where(jax.random.uniform(key, (), jnp.float32) < config.landmark_noise, spread, 0)
        return points + spread * jax.random.normal(jax.random.fold_in(key, 1), points.shape, jnp.float32)

    return jax.vmap(of)(keys, points)


def autoencoder_losses(
    networks: Networks, config: AutoencoderRun, params: Any, frozen: None, pictures: Pictures, step: jax.Array
) -> dict[str, jax.Array]:
    """How well pictures come through: the mean absolute error "picture", and "codes" (`loss.codebook_loss`).

    Shares of the pictures are those of landmarks, or have black boxes: as conditions they have to come through too.
    """
    keys = _keys(config.seed, step, pictures.position)  # (B,)
    chances = jax.vmap(lambda key: jax.random.uniform(key, (), jnp.float32))(_streams(keys, 0))[:, None, None, None]
    seen = in_range(jnp.asarray(pictures.targets))
    black = blackened(seen, pictures.boxes)
    lines = landmark_pictures(jnp.asarray(pictures.points), config.image_size)
    seen = jnp.where(chances < config.lines, lines, jnp.where(chances < config.lines + config.masked, black, seen))
    if config.cut:
        seen = jax.vmap(partial(cut_anywhere, config.cut))(seen, _streams(keys, 1))

    def through(method: str, given: jax.Array) -> Any:
        return networks[AUTOENCODER.name].apply({"params": params}, given, method=method)

    z = through("encode", seen)
    quantised, _ = through("quantise", z)
    painted = through("decode", straight_through(z, quantised))
    picture = jnp.abs(painted - seen).mean(axis=(1, 2, 3))
    codes = codebook_errors(z, quantised).mean(axis=(1, 2, 3))
    return {"loss": picture + config.codebook * codes, "picture": picture, "codes": codes}


def cut_anywhere(side: int, picture: jax.Array, key: jax.Array) -> jax.Array:
    """A square of so many pixels, anywhere in a picture: (H, W, 3) -> (side, side, 3)."""
    size = jnp.array(picture.shape[:2])
    top, left = jax.random.randint(key, (2,), 0, size - side + 1, jnp.int32)
    return jax.lax.dynamic_slice(picture, (top, left, 0), (side, side, picture.shape[-1]))


def _keys(seed: int, step: jax.Array, position: jax.Array) -> jax.Array:
    """(B,): each sample's by its place in the batch alone."""
    return jax.vmap(jax.random.fold_in, (None, 0))(jax.random.fold_in(random_key(seed), step), position)


def _streams(keys: jax.Array, number: int) -> jax.Array:
    """One of several independent uses of keys (B,)."""
    return jax.vmap(jax.random.fold_in, (0, None))(keys, number)
