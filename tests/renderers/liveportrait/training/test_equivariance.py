"""Pictures and keypoints are transformed alike."""

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.renderers.liveportrait.training.equivariance import equivariance_loss, random_similarity, transform
from kdtalker_jax.renderers.liveportrait.training.reenactment import FaceMotion


def spot(x: float, y: float, size: int = 65) -> jax.Array:
    axis = (2 * jnp.arange(size) + 1) / size - 1
    return jnp.repeat(jnp.exp(-((axis[None] - x) ** 2 + (axis[:, None] - y) ** 2) / 0.005)[..., None], 3, axis=-1)


def centre(picture: jax.Array) -> jax.Array:
    """(x, y) of the mean brightness of (..., H, W, 3)."""
    axis = (2 * jnp.arange(picture.shape[-2]) + 1) / picture.shape[-2] - 1
    weight = picture[..., 0] / picture[..., 0].sum(axis=(-2, -1), keepdims=True)
    return jnp.stack([weight.sum(axis=-2) @ axis, weight.sum(axis=-1) @ axis], axis=-1)


def find_centre(pictures: jax.Array) -> FaceMotion:
    """A motion extractor whose keypoint is where the picture is bright: it is equivariant."""
    points = jnp.pad(centre(pictures), ((0, 0), (0, 0), (0, 1)))  # (B, 1, 3)
    ones, zeros = jnp.ones(points.shape[:2]), jnp.zeros_like(points)
    return FaceMotion(points, ones, zeros, zeros, zeros)


def test_a_spot_goes_where_the_inverse_map_says():
    matrix, shift = jnp.array([[0.8, -0.2], [0.2, 0.8]]), jnp.array([0.1, -0.05])
    moved = transform(spot(0.2, 0.1), matrix, shift)
    np.testing.assert_allclose(matrix @ centre(moved) + shift, [0.2, 0.1], atol=0.01)


def test_similarities_keep_angles():
    matrix, _ = random_similarity(jax.random.key(3))
    gram = matrix @ matrix.T
    np.testing.assert_allclose(gram, np.eye(2) * gram[0, 0], atol=1e-6)


def test_keypoints_that_follow_the_picture_cost_nothing_and_fixed_ones_do():
    pictures = jnp.stack([spot(0.1, 0.0), spot(-0.1, 0.1)])[:, None]  # (B, 1, H, W, 3)
    position = jnp.arange(2)
    followed = equivariance_loss(jax.random.key(0), position, pictures, find_centre)
    fixed = equivariance_loss(
        jax.random.key(0), position, pictures, lambda x: find_centre(jnp.broadcast_to(spot(0.5, 0.5), x.shape))
    )
    assert (followed < 0.02).all()
    assert (fixed > 0.05).all()
