"""People and performances of the synthetic world that no demo model has been trained on."""

import jax
import numpy as np

from kdtalker_jax.synthetic.clips import one_person
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.performance import Performance, random_performance
from kdtalker_jax.synthetic.state import FaceState, State

SEED = 10_000  # training counts its seeds from 0
_NEARNESS = np.float32(np.exp(0.37))  # the middle of what `performance.framed` draws


def unseen_people(count: int, look: str = "plain") -> list[Person]:
    """The first `count` of them, of a look of `synthetic.clips.LOOKS`."""
    key = jax.random.key(SEED)
    return [one_person(jax.random.fold_in(key, number), look) for number in range(count)]


def unseen_performances(count: int, frames: int) -> list[Performance]:
    """The first `count` in which someone speaks for most of the time."""
    chosen, number = [], 0
    while len(chosen) < count:
        performance = random_performance(np.random.default_rng([SEED, number]), frames)
        if np.mean(performance.states.jaw > 0.05) > 0.5:
            chosen.append(performance)
        number += 1
    return chosen


def take(states: State, frames: np.ndarray) -> State:
    """Some frames (n,) of (F,): (n,) each."""
    return type(states)(*(np.asarray(values)[frames] for values in states))


def as_seen(look: str, states: FaceState) -> FaceState:
    """States of the plain world as people of that look are seen."""
    return as_portrait(states) if look == "varied" else states


def as_portrait(states: FaceState) -> FaceState:
    """The same, as large as people of the varied world are in most of their pictures."""
    placed = {name: _NEARNESS * np.asarray(getattr(states, name)) for name in ("x", "y", "size")}
    return states._replace(**placed)
