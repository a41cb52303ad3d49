"""People of the synthetic world: reproducible, different, and never out of bounds."""

import jax
import numpy as np

from kdtalker_jax.synthetic.people import random_people
from kdtalker_jax.synthetic.skin import MOUTH_DARK

PEOPLE = random_people(jax.random.key(0), 200)


def test_same_key_same_people_and_each_differs():
    again = random_people(jax.random.key(0), 200)
    jax.tree.map(np.testing.assert_array_equal, PEOPLE, again)
    flat = np.concatenate([np.reshape(field, (200, -1)) for field in jax.tree.leaves(PEOPLE)], axis=1)
    assert len(np.unique(flat, axis=0)) == 200


def test_all_fields_are_finite_floats():
    for field in jax.tree.leaves(PEOPLE):
        assert field.dtype == np.float32 and field.shape[0] == 200
        assert np.isfinite(field).all()


def test_colours_are_colours():
    colours = [
        PEOPLE.skin,
        PEOPLE.lips,
        PEOPLE.iris,
        PEOPLE.hair.colour,
        PEOPLE.cloth,
        PEOPLE.collar,
        PEOPLE.background,
    ]
    for colour in colours:
        assert np.min(colour) >= 0 and np.max(colour) <= 1


def test_the_inside_of_a_mouth_is_darker_than_any_lips_and_skin():
    """What measures mouths in pictures relies on it."""
    inside = np.mean(MOUTH_DARK)
    assert PEOPLE.lips.mean(-1).min() > 1.8 * inside
    assert PEOPLE.skin.mean(-1).min() > 1.8 * inside


def test_lips_differ_from_skin():
    assert np.median(np.linalg.norm(PEOPLE.lips - PEOPLE.skin, axis=-1)) > 0.15
    assert ((PEOPLE.lips[:, 0] - PEOPLE.lips[:, 1]) > (PEOPLE.skin[:, 0] - PEOPLE.skin[:, 1])).mean() > 0.9  # redder


def test_every_choice_occurs_and_none_rules():
    for share in (PEOPLE.glasses > 0, PEOPLE.beard > 0, PEOPLE.moustache > 0, PEOPLE.hair.cover[:, 2] > 0):
        assert 0.02 < np.mean(share) < 0.6
    assert np.ptp(PEOPLE.skin.mean(-1)) > 0.4  # from light to dark
