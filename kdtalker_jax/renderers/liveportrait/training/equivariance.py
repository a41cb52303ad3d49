"""Keypoints move with the picture: where it is turned, scaled and shifted, so are they (face-vid2vid, appendix)."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from kdtalker_jax.renderers.liveportrait.training.reenactment import FaceMotion

TURN, SCALE, SHIFT = 0.25, 0.15, 0.12  # standard deviations: radians, of the logarithm, in picture coordinates


def equivariance_loss(
    key: jax.Array, position: jax.Array, pictures: jax.Array, motion: Callable[[jax.Array], FaceMotion]
) -> jax.Array:
    """L1 between the keypoints of the last driving picture and those found in it transformed, mapped back. (B,).

    Args:
        key: of the step. position: (B,), see `Pictures`.
        pictures: (B, 1 + J, M, M, 3) in [0, 1].
        motion: the motion extractor, (B, 1, M, M, 3) -> (B, 1, ...) each.
    """
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, position)
    matrix, shift = jax.vmap(random_similarity)(keys)  # (B, 2, 2), (B, 2)
    plain = pictures[:, -1:]  # (B, 1, M, M, 3)
    moved = jax.vmap(transform)(plain[:, 0], matrix, shift)[:, None]
    before, after = (found.keypoints(found.kp)[:, 0, :, :2] for found in map(motion, (plain, moved)))  # (B, K, 2)
    mapped_back = jnp.einsum("bij,bkj->bki", matrix, after) + shift[:, None]
    return jnp.abs(mapped_back - before).mean(axis=(1, 2))


def random_similarity(key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """A matrix (2, 2) and a shift (2,) of picture coordinates (x, y)."""
    turn, scale, x, y = jax.random.normal(key, (4,), jnp.float32) * jnp.array([TURN, SCALE, SHIFT, SHIFT], jnp.float32)
    cosine, sine = jnp.cos(turn), jnp.sin(turn)
    return jnp.exp(scale) * jnp.array([[cosine, -sine], [sine, cosine]]), jnp.stack([x, y])


def transform(picture: jax.Array, matrix: jax.Array, shift: jax.Array) -> jax.Array:
    """The picture (H, W, 3) that shows at p what the given one shows at matrix p + shift, its rim continued."""
    height, width, _ = picture.shape
    y, x = jnp.meshgrid(*((2 * jnp.arange(n, dtype=jnp.float32) + 1) / n - 1 for n in (height, width)), indexing="ij")
    points = jnp.stack([x, y], axis=-1) @ matrix.T + shift[None, None]  # (H, W, 2)
    rows, columns = (((points[..., i] + 1) * n - 1) / 2 for i, n in ((1, height), (0, width)))

    def sample(channel: jax.Array) -> jax.Array:
        return jax.scipy.ndimage.map_coordinates(channel, [rows, columns], order=1, mode="nearest")

    return jax.vmap(sample, in_axes=-1, out_axes=-1)(picture)
