"""From batches of pictures to the losses of both networks, (B,) by name. Pure functions."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from configs.dreamhead_training import AutoencoderRun, ImageRun
from kdtalker_jax.diffusion.prediction import noised
from kdtalker_jax.renderers.latent.masks import inside
from kdtalker_jax.renderers.latent.model import SCHEDULE
from kdtalker_jax.renderers.latent.painting import (
    Networks,
    Reference,
    blackened,
    encode,
    in_range,
    joined,
)
from kdtalker_jax.renderers.latent.parts import AUTOENCODER, UNET
from kdtalker_jax.renderers.latent.training.input import Pictures
from kdtalker_jax.renderers.latent.training.loss import codebook_errors, prediction_errors, straight_through
from kdtalker_jax.seeds import random_key
from kdtalker_jax.spaces.landmarks.contours import OUTER_EYE_CORNERS, rows_of
from kdtalker_jax.spaces.landmarks.pictures import landmark_pictures


class Latents(NamedTuple):
    """What the U-Net learns from: pictures, as the autoencoder sees them. (B, h, w, C) but for the last two."""

    whole: Any  # of the targets
    masked: Any  # of these with black boxes
    reference: Any  # of another picture of each person
    lines: Any  # of the targets' landmarks, which may be inexact
    own_lines: Any  # of the targets' landmarks as they are
    reference_lines: Any
    mouth: Any  # (B, h, w, 1), 1 within the boxes
    position: Any  # (B,) int32, as of `Pictures`


def image_losses(
    networks: Networks, config: ImageRun, params: Any, frozen: Any, pictures: Pictures, step: jax.Array
) -> dict[str, jax.Array]:
    """`latent_losses` of pictures that have still to be seen by the autoencoder, whose parameters are `frozen`."""
    keys = _keys(config.seed, step, pictures.position)  # (B,)
    seen, exact = in_range(jnp.asarray(pictures.targets)), jnp.asarray(pictures.points)
    points = roughened(config, exact, _streams(keys, 0))
    see = partial(encode, networks, {AUTOENCODER.name: {"params": frozen}})
    latents = Latents(
        whole=see(seen),
        masked=see(blackened(seen, pictures.boxes)),
        reference=see(in_range(jnp.asarray(pictures.references))),
        lines=see(landmark_pictures(points, config.image_size)),
        own_lines=see(landmark_pictures(exact, config.image_size)),
        reference_lines=see(landmark_pictures(jnp.asarray(pictures.reference_points), config.image_size)),
        mouth=inside(pictures.boxes, config.image_size, config.autoencoder.factor),
        position=pictures.position,
    )
    return latent_losses(networks, config, params, None, latents, step)


def latent_losses(
    networks: Networks, config: ImageRun, params: Any, frozen: Any, latents: Latents, step: jax.Array
) -> dict[str, jax.Array]:
    """How well the U-Net tells what it is to tell of noisy latents: within the boxes "mouth", and "loss".

    Where `config.consistency` is not 0 "reference" is how much else it tells within the boxes when each target is its
    own reference.

    Args:
        networks: has it. params: its. frozen: not looked at.
    """
    keys = _keys(config.seed, step, latents.position)  # (B,)
    clean = jnp.asarray(latents.whole)
    times = jax.vmap(lambda key: jax.random.randint(key, (), 0, SCHEDULE.times, jnp.int32))(_streams(keys, 1))
    noise = jax.vmap(lambda key: jax.random.normal(key, clean.shape[1:], jnp.float32))(_streams(keys, 2))
    x = noised(clean, noise, times, SCHEDULE)

    def tell(reference: Reference) -> jax.Array:
        conditions = joined(latents.masked, reference, latents.lines)
        return networks[UNET.name].apply({"params": params}, x, times, conditions)

    def within(squares: jax.Array) -> jax.Array:
        return (squares * latents.mouth).sum(axis=(1, 2, 3)) / latents.mouth.sum(axis=(1, 2, 3))

    told = tell(Reference(latents.reference, latents.reference_lines))
    errors = prediction_errors(config.unet.prediction, told, clean, noise, times, SCHEDULE)
    errors = errors.mean(axis=-1, keepdims=True)  # (B, h, w, 1)
    mouth = within(errors)
    losses = {"loss": errors.mean(axis=(1, 2, 3)) + config.mouth * mouth, "mouth": mouth}
    if config.consistency:
        otherwise = jnp.square(told - tell(Reference(clean, latents.own_lines))).mean(axis=-1, keepdims=True)
        losses["reference"] = within(otherwise)
        losses["loss"] += config.consistency * losses["reference"]
    return losses


def roughened(config: ImageRun, points: jax.Array, keys: jax.Array) -> jax.Array:
    """Landmarks (B, N, 3), in a share of the samples as inexact as those that sound makes."""
    chances = jax.vmap(lambda key: jax.random.uniform(key, (), jnp.float32))(keys)[:, None, None]
    keys = jax.vmap(partial(jax.random.fold_in, data=1))(keys)
    return jnp.where(chances < config.landmark_noise, inexact(config, points, keys), points)


def inexact(config: ImageRun, points: jax.Array, keys: jax.Array) -> jax.Array:
    """Landmarks (B, N, 3), all as inexact as those that sound makes."""

    def of(key: jax.Array, points: jax.Array) -> jax.Array:
        left, right = points[rows_of(OUTER_EYE_CORNERS, len(points))]
        spread = config.landmark_spread * jnp.linalg.norm(right - left)
        return points + spread * jax.random.normal(key, points.shape, jnp.float32)

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
