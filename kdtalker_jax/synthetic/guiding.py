"""Expressions of drawn people, by the truth: where guided keypoints would be, if they were found without error.

What speech and feelings do to brows, corners of the mouth and lids is often less than what a keypoint detector is off.
A motion model that learns from what was found learns little of it.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.data.landmarks import LANDMARKS
from kdtalker_jax.synthetic.landmarks import head_points
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.state import State, at_rest
from kdtalker_jax.synthetic.view import in_picture


@jax.jit
@partial(jax.vmap, in_axes=(None, 0))
def _places(person: Person, state: State) -> jax.Array:
    """(L, 3) of landmarks in the picture, with depth in the same unit."""
    places, depth = in_picture(person, state, head_points(person, state))
    return jnp.concatenate([places, depth[:, None]], axis=-1)


def guided_expression(
    exp: np.ndarray, scale: np.ndarray, resting: np.ndarray, person: Person, states: State, guided: Sequence[str]
) -> np.ndarray:
    """Expressions (F, 3 K) whose guided keypoints move from rest as their landmarks do; the others are as found.

    Args:
        exp: (F, 3 K), found in drawings of `states` (F,). scale: (F,), the size of the head that was found.
        resting: (R, 3 K), found in drawings of the same person with a face at rest: what is a keypoint's own there.
        guided: by keypoint, the landmark that it was guided to, or "".
    """
    moved = np.asarray(_places(person, states)) - np.asarray(_places(person, at_rest(states)))  # (F, L, 3)
    moved = moved / np.reshape(scale, (-1, 1, 1))
    found, rest = exp.reshape(len(exp), -1, 3).copy(), resting.reshape(len(resting), -1, 3).mean(axis=0)
    for keypoint, name in enumerate(guided):
        if name:
            found[:, keypoint] = rest[keypoint] + moved[:, LANDMARKS.index(name)]
    return found.reshape(exp.shape)
