"""Names that users choose from are those that there are."""

from typing import get_args

from kdtalker_jax.choices import DEFAULT_STEPS, FEWEST_STEPS, Precision, SamplerName
from kdtalker_jax.diffusion.samplers import SAMPLERS
from kdtalker_jax.loaded_model import DTYPES


def test_every_sampler_and_precision_can_be_chosen():
    assert get_args(SamplerName) == tuple(SAMPLERS) == tuple(DEFAULT_STEPS)
    assert set(FEWEST_STEPS) <= set(SAMPLERS)
    assert get_args(Precision) == tuple(DTYPES)
