"""What dubs rest on beside the model: rates."""

from fractions import Fraction

import numpy as np
import pytest

from kdtalker_jax.dubbing import rate_of
from kdtalker_jax.edits.resampling import positions_at


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), 24000 / 1001, 29.97, 25, 59.123456789])
def test_an_hour_of_any_rate_stays_in_step(rate):
    """Also of one that is given as a float, whose exact fraction has too many digits to count frames with."""
    before, share = positions_at(90_000, Fraction(25), rate_of(rate))
    assert len(before) == pytest.approx(3600 * float(rate), abs=1)
    at = before + share
    assert at[0] == 0 and (np.diff(at) >= 0).all()
    np.testing.assert_allclose(at[:-3], np.arange(len(at) - 3) * 25 / float(rate), atol=1e-2)
