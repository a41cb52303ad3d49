"""Sliders: nothing moved is the portrait itself, and what cannot be is said."""

import numpy as np
import pytest

from kdtalker_jax.edits.sliders import SLIDERS, edited
from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.heads import Heads, angles_of, rotation_of


@pytest.fixture
def heads() -> Heads:
    rng = np.random.default_rng(0)
    angles = rng.uniform(-40, 40, (3, 4))
    return Heads(rng.uniform(1, 2, 4), rotation_of(*angles), rng.normal(0, 0.05, (4, 21, 3)), rng.normal(size=(4, 3)))


def test_sliders_at_their_defaults_change_no_bit(heads):
    same = edited(heads, {name: slider.default for name, slider in SLIDERS.items()})
    for one, other in zip(same, heads, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", SLIDERS)
def test_each_slider_does_something(heads, name):
    moved = edited(heads, {name: SLIDERS[name].high})
    assert any(not np.array_equal(one, other) for one, other in zip(moved, heads, strict=True))


def test_degrees_are_added(heads):
    before, after = angles_of(heads.rotation), angles_of(edited(heads, {"yaw": 7, "roll": -3}).rotation)
    np.testing.assert_allclose(np.subtract(after, before), np.outer([0, 7, -3], np.ones(4)), atol=1e-9)


def test_a_value_out_of_range_is_clipped_with_a_word(heads):
    with pytest.warns(UserWarning, match=r"smile goes from -0.3 to 1.3: 1.3 is taken instead of 5"):
        clipped = edited(heads, {"smile": 5})
    np.testing.assert_array_equal(clipped.exp, edited(heads, {"smile": 1.3}).exp)


@pytest.mark.parametrize(("values", "said"), (({"smlie": 1}, "'smile'"), ({"smile": "x"}, "number"),
                                              ({"smile": float("nan")}, "number")))  # fmt: skip
def test_no_slider_and_no_number(heads, values, said):
    with pytest.raises(InputError, match=said):
        edited(heads, values)


def test_a_model_of_other_keypoints_turns_but_has_no_smile(heads):
    few = heads._replace(exp=heads.exp[:, :5])
    assert edited(few, {"yaw": 5}).exp is few.exp
    with pytest.raises(InputError, match="5"):
        edited(few, {"smile": 1})
