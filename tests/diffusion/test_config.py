"""No configuration describes noise that there is not."""

import dataclasses

import pytest

from configs import SMALL


@pytest.mark.parametrize("beta_end", [0.0, 1.0, -1.0, float("nan")])
def test_a_model_has_noise_that_there_is(beta_end):
    with pytest.raises(ValueError, match="beta_end is a variance"):
        dataclasses.replace(SMALL.diffusion, beta_end=beta_end)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"times": 0}, "times is 0, not from 1"),
        ({"times": 10**9}, "times is 1000000000, not from 1"),
        ({"noise_offset": -0.1}, "noise_offset is a standard deviation"),
        ({"noise_offset": float("nan")}, "noise_offset is a standard deviation"),
    ],
)
def test_diffusion_is_bounded(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL.diffusion, **change)
