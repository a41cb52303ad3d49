"""Numbers over time: nothing jumps, and outside of its span a curve does not count."""

import numpy as np
import pytest

from kdtalker_jax.edits.curves import RAMP, Curve
from kdtalker_jax.errors import InputError

TIMES = np.arange(0, 4, 0.001)


def constant(begin=None, end=None) -> Curve:
    return Curve(((0.0, 1.0),), begin, end)


def test_a_constant_is_one():
    np.testing.assert_array_equal(constant().weights(TIMES), 1)
    np.testing.assert_array_equal(Curve(((0.0, 0.3),)).values(TIMES), 0.3)


@pytest.mark.parametrize(("begin", "end"), ((1, 2), (1, 1.1), (0.5, None), (None, 2), (0, 2), (1, 1.05)))
def test_a_span_comes_and_goes_inside_of_itself(begin, end):
    weights = constant(begin, end).weights(TIMES)
    first, last = begin or 0, np.inf if end is None else end
    outside = (first > TIMES) | (last < TIMES)
    np.testing.assert_array_equal(weights[outside], 0)
    assert weights.max() == pytest.approx(1, abs=1e-3)
    ramp = min(RAMP, ((end or 9) - (begin or 0)) / 2)
    assert np.abs(np.diff(weights)).max() < 1.6 * 0.001 / ramp  # the steepest of a smooth step is 1.5
    if not begin:
        assert weights[0] == 1  # there is nothing to come from


def test_keyframes_are_met_and_not_left():
    curve = Curve(((0.5, 0.0), (1.0, 10.0), (2.0, 10.0), (2.5, -5.0)))
    np.testing.assert_allclose(curve.values(np.array([0, 0.5, 1, 1.5, 2, 2.5, 9])), [0, 0, 10, 10, 10, -5, -5])
    values = curve.values(TIMES)
    assert values.max() <= 10 and values.min() >= -5
    speed = np.gradient(values, 0.001)
    assert np.abs(np.diff(speed)).max() < 1  # of up to 60 a second: no corner


def test_clipping():
    assert Curve(((0, -9), (1, 0.5), (2, 9)), 0.5, 3).clipped(-1, 1) == Curve(((0, -1), (1, 0.5), (2, 1)), 0.5, 3)


@pytest.mark.parametrize(
    "points",
    ((), ((1, 0), (0, 0)), ((0, 0), (0, 1)), ((-1, 0),), ((0, float("nan")),), ((float("inf"), 0),), (("a", 0),),
     ((0, "a"),), (0, 1), ((0, True),), ((0, None),)),
)  # fmt: skip
def test_points_that_are_none(points):
    with pytest.raises(InputError, match="Keyframes are pairs"):
        Curve(points)


@pytest.mark.parametrize(("begin", "end"), ((2, 1), (1, 1), (None, 0), (-1, None), ("a", None), (0, float("nan"))))
def test_spans_that_are_none(begin, end):
    with pytest.raises(InputError, match="span"):
        constant(begin, end)
