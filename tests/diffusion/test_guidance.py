"""Guidance adds up answers with the scales that were asked for, whatever the network."""

import numpy as np
import pytest

from kdtalker_jax.diffusion.guidance import guided


def predict(x, told):
    """A network that answers with what it is told, and knows its input."""
    return x * 2 + told["condition"][:, None]


TOLD = [{"condition": np.float32([number, 10 * number])} for number in (0, 1, 5)]
X = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_scales_of_one_are_no_guidance():
    np.testing.assert_allclose(guided(predict, TOLD, (1.0, 1.0))(X), predict(X, TOLD[-1]))


def test_scales_of_zero_leave_the_answer_to_nothing():
    np.testing.assert_allclose(guided(predict, TOLD, (0.0, 0.0))(X), predict(X, TOLD[0]))


def test_each_scale_acts_on_its_own_step():
    """0 + 2 (1 - 0) + 3 (5 - 1) = 14 for the first row, ten times that for the second."""
    np.testing.assert_allclose(guided(predict, TOLD, (2.0, 3.0))(X) - 2 * X, [[14] * 3, [140] * 3])


def test_one_condition_is_the_plain_rule():
    found = guided(predict, TOLD[:2], (4.0,))(X)
    np.testing.assert_allclose(found, predict(X, TOLD[0]) + 4 * (predict(X, TOLD[1]) - predict(X, TOLD[0])))


def test_there_is_a_scale_for_every_condition():
    with pytest.raises(ValueError, match="3 answers need 2 scales"):
        guided(predict, TOLD, (1.0,))
