"""People of the varied world: reproducible, different, finite, and more various than the plain one's."""

import jax
import numpy as np

from kdtalker_jax.synthetic.people import random_people
from kdtalker_jax.synthetic.varied.patterns import DOTS
from kdtalker_jax.synthetic.varied.people import varied_people

PEOPLE = varied_people(jax.random.key(0), 300)
DETAILS = PEOPLE.details


def test_same_key_same_people_and_each_differs():
    again = varied_people(jax.random.key(0), 300)
    jax.tree.map(np.testing.assert_array_equal, PEOPLE, again)
    flat = np.concatenate([np.reshape(field, (300, -1)) for field in jax.tree.leaves(PEOPLE)], axis=1)
    assert len(np.unique(flat, axis=0)) == 300
    other = varied_people(jax.random.key(1), 1)
    assert not np.array_equal(other.skin[0], PEOPLE.skin[0])


def test_all_fields_are_finite_floats():
    for field in jax.tree.leaves(PEOPLE):
        assert field.dtype == np.float32 and field.shape[0] == 300
        assert np.isfinite(field).all()


def test_they_have_the_fields_of_the_plain_ones():
    plain = random_people(jax.random.key(0), 1)
    assert plain.details is None
    for one, other in zip(jax.tree.leaves(plain), jax.tree.leaves(PEOPLE._replace(details=None)), strict=True):
        assert one.shape[1:] == other.shape[1:]


def test_colours_are_colours():
    colours = (PEOPLE.skin, PEOPLE.lips, PEOPLE.iris, PEOPLE.hair.colour, PEOPLE.brows, DETAILS.pattern.colours)
    for colour in (*colours, DETAILS.teeth, DETAILS.eye_white, DETAILS.shirt):
        assert np.min(colour) >= 0 and np.max(colour) <= 1
    assert np.mean(DETAILS.mouth_dark) < 0.3 * np.mean(DETAILS.teeth)


def test_every_choice_occurs_and_none_rules():
    choices = (DETAILS.strange, DETAILS.veil, DETAILS.hat, DETAILS.jacket, DETAILS.stubble, DETAILS.earrings)
    choices += (DETAILS.eye_shadow, DETAILS.curl, PEOPLE.beard, PEOPLE.glasses, DETAILS.camera.quantiser)
    choices += (DETAILS.camera.noise, DETAILS.camera.border.max(-1), DETAILS.surroundings.covers.max(-1))
    for choice in choices:
        assert 0.01 < np.mean(choice > 0) < 0.9
    assert set(np.unique(DETAILS.pattern.kind)) >= {1, 2, 3, 4} and DETAILS.pattern.kind.max() <= DOTS


def test_heads_are_wide_and_narrow_crooked_and_seen_from_far_and_near():
    ratio = DETAILS.shape[:, 0, 0] / DETAILS.shape[:, 1, 1]
    assert ratio.min() < 0.9 and ratio.max() > 1.1
    assert np.abs(DETAILS.shape[:, 1, 0]).max() > 0.01
    assert DETAILS.camera.distance.min() < 6 and DETAILS.camera.distance.max() > 25
    plain = random_people(jax.random.key(0), 300)
    for name in ("chin", "nose_length", "mouth_width", "lip_fullness", "brow_arch", "skull_height"):
        assert np.std(getattr(PEOPLE, name)) > 1.2 * np.std(getattr(plain, name)), name
