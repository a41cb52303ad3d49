"""What a program around us has set in JAX changes nothing."""

import jax
import numpy as np
import pytest

from configs import SMALL
from kdtalker_jax import TalkingPortrait, demo
from kdtalker_jax.spaces.keypoints import Motion


@pytest.fixture
def host():
    """Sets options of JAX until the test is over."""
    before = {}

    def update(settings):
        for name, value in settings.items():
            before.setdefault(name, getattr(jax.config, name))
            jax.config.update(name, value)

    yield update
    update(dict(before))


def performance(params):
    """Motion and frames of a model that is made, and compiled, under what is set."""
    model = TalkingPortrait(SMALL, params)
    source = model.prepare(demo.PORTRAITS[0], crop="none")
    waveform = np.random.default_rng(0).standard_normal(32_000).astype(np.float32) / 10
    motion = model.animate(source, waveform, seed=2**40, sampler="ddpm", steps=2, relative=True, stitch=True)
    first = Motion(**{name: None if array is None else array[:2] for name, array in vars(motion).items()})
    return motion.to_vector(), np.stack(list(model.render(source, first)))


@pytest.fixture(scope="module")
def expected(small_model):
    return performance(small_model.params)


@pytest.mark.parametrize(
    "settings",
    [
        {"jax_enable_x64": True},
        {"jax_default_prng_impl": "rbg"},
        {"jax_numpy_dtype_promotion": "strict", "jax_numpy_rank_promotion": "raise"},
        {"jax_enable_x64": True, "jax_numpy_dtype_promotion": "strict", "jax_numpy_rank_promotion": "raise"},
    ],
    ids=str,
)
def test_motion_and_frames_are_the_same(small_model, expected, host, settings):
    host(settings)
    for actual, wanted in zip(performance(small_model.params), expected, strict=True):
        np.testing.assert_array_equal(actual, wanted)
        assert actual.dtype == wanted.dtype
