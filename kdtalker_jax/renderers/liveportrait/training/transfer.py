"""Playmate's transfer loss (arXiv 2502.07203, equations 2 to 4): pose and expression are to be apart.

Of two pictures of one head, the second's pose with the first's expression can be had from either picture. Both ways
have to give the same.
"""

import jax
import jax.numpy as jnp

from kdtalker_jax.renderers.liveportrait.model import reduced
from kdtalker_jax.renderers.liveportrait.training.reenactment import FaceMotion, Networks
from kdtalker_jax.training.weights import Weights


def both_ways(
    networks: Networks, weights: Weights, first: jax.Array, second: jax.Array, sizes: tuple[int, int]
) -> tuple[jax.Array, jax.Array]:
    """The second picture's pose with the first one's expression, made from either.

    Args:
        networks: at the size of a phase. weights: of them.
        first, second: (B, H, H, 3) in [0, 1], of one head each row, H of any two sizes.
        sizes: pixels of the sides of pictures that networks are shown: of sources, and for the motion extractor.

    Returns:
        From the first and from the second: (B, T, T, 3) in [0, 1].
    """
    of_source, of_motion = sizes
    motion = networks.motion(weights, jnp.stack([_of_size(picture, of_motion) for picture in (first, second)], axis=1))
    one, other = (FaceMotion(*(values[:, number] for values in motion)) for number in range(2))
    mixed = other._replace(exp=one.exp)
    ways = ((first, one), (second, other))
    from_first, from_second = (
        networks.render(weights, _of_size(picture, of_source), own.keypoints(own.kp), mixed.keypoints(own.kp))
        for picture, own in ways
    )
    return from_first, from_second


def _of_size(pictures: jax.Array, size: int) -> jax.Array:
    if pictures.shape[1] >= size:
        return reduced(pictures, size)
    return jax.image.resize(pictures, (len(pictures), size, size, 3), "linear")
