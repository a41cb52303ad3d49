"""Details of the motion extractor."""

import jax
import numpy as np

from kdtalker_jax.renderers.liveportrait.networks.motion_extractor import GlobalResponseNorm


def test_global_response_norm_equals_the_formula():
    random = np.random.default_rng(1)
    x = random.standard_normal((2, 3, 4, 5)).astype(np.float32)
    gamma, beta = random.standard_normal((2, 5)).astype(np.float32)
    norm = np.sqrt((x**2).sum((1, 2), keepdims=True))
    expected = gamma * (x * norm / (norm.mean(-1, keepdims=True) + 1e-6)) + beta + x
    out = GlobalResponseNorm().apply({"params": {"gamma": gamma, "beta": beta}}, x)
    np.testing.assert_allclose(out, expected, atol=1e-5)


def test_a_channel_that_is_nowhere_has_a_gradient():
    """As in a black picture with fresh weights; the root of 0 has none."""
    norm, parameters = GlobalResponseNorm(), {"gamma": np.ones(3, np.float32), "beta": np.zeros(3, np.float32)}
    gradient = jax.grad(lambda x: norm.apply({"params": parameters}, x).sum())(np.zeros((1, 2, 2, 3), np.float32))
    assert np.isfinite(gradient).all()
