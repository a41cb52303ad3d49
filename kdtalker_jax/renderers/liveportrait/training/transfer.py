"""Playmate's transfer loss (arXiv 2502.07203, equations 2 to 4): pose and expression are to be apart.

Of two pictures of one head, the second's pose with the first's expression can be had from either picture. Both ways
have to give the same.
"""

import jax

from kdtalker_jax.renderers.liveportrait.model import reduced
from kdtalker_jax.renderers.liveportrait.training.reenactment import FaceMotion, Networks
from kdtalker_jax.training.weights import Weights


def both_ways(
    networks: Networks, weights: Weights, first: tuple[jax.Array, FaceMotion], second: tuple[jax.Array, FaceMotion]
) -> tuple[jax.Array, jax.Array]:
    """The second picture's pose with the first one's expression, made from either.

    Args:
        networks: at the size of a phase. weights: of them.
        first, second: pictures (B, S, S, 3) in [0, 1] as sources are shown, of one head each row, and the motion in
            them, (B, ...).

    Returns:
        From the first and from the second: (B, T, T, 3) in [0, 1].
    """
    mixed = second[1]._replace(exp=first[1].exp)
    from_first, from_second = (
        networks.render(weights, picture, own.keypoints(own.kp), mixed.keypoints(own.kp))
        for picture, own in (first, second)
    )
    return from_first, from_second


def of_size(pictures: jax.Array, size: int) -> jax.Array:
    """Pictures (B, H, H, 3) as a network is shown them."""
    if pictures.shape[1] >= size:
        return reduced(pictures, size)
    return jax.image.resize(pictures, (len(pictures), size, size, 3), "linear")
