"""People and performances of the synthetic world that no demo model has been trained on."""

import jax
import numpy as np

from kdtalker_jax.synthetic.people import Person, random_people
from kdtalker_jax.synthetic.performance import Performance, random_performance
from kdtalker_jax.synthetic.state import FaceState

SEED = 10_000  # training counts its seeds from 0


def unseen_people(count: int) -> list[Person]:
    """The first `count` of them."""
    key = jax.random.key(SEED)
    return [_person(jax.random.fold_in(key, number)) for number in range(count)]


def unseen_performances(count: int, frames: int) -> list[Performance]:
    """The first `count` in which someone speaks for most of the time."""
    chosen, number = [], 0
    while len(chosen) < count:
        performance = random_performance(np.random.default_rng([SEED, number]), frames)
        if np.mean(performance.states.jaw > 0.05) > 0.5:
            chosen.append(performance)
        number += 1
    return chosen


def take(states: FaceState, frames: np.ndarray) -> FaceState:
    """Some frames (n,) of (F,): (n,) each."""
    return FaceState(*(np.asarray(values)[frames] for values in states))


@jax.jit
def _person(key: jax.Array) -> Person:
    return jax.tree.map(lambda field: field[0], random_people(key, 1))
