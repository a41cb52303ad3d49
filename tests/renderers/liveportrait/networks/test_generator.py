"""Details of the generator that a wrong port gets silently wrong."""

import jax.numpy as jnp
import numpy as np

from kdtalker_jax.renderers.liveportrait.networks.generator import instance_norm, pixel_shuffle


def test_pixel_shuffle_order():
    """out[f h + i, f w + j, c] = in[h, w, c f^2 + i f + j], the order in which the weights were trained."""
    x = np.random.default_rng(0).standard_normal((1, 2, 3, 12)).astype(np.float32)
    out = np.asarray(pixel_shuffle(x, 2))
    assert out.shape == (1, 4, 6, 3)
    for h, w, c, i, j in np.ndindex(2, 3, 3, 2, 2):
        assert out[0, 2 * h + i, 2 * w + j, c] == x[0, h, w, 4 * c + 2 * i + j]


def test_instance_norm_uses_the_biased_variance():
    x = np.random.default_rng(1).normal(5, 3, (2, 4, 4, 3)).astype(np.float32)
    mean, variance = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    np.testing.assert_allclose(instance_norm(x), (x - mean) / np.sqrt(variance + 1e-5), atol=1e-5)


def test_instance_norm_keeps_float32_statistics_in_bfloat16():
    """Around a large mean, statistics in bfloat16 would lose the variance altogether."""
    x = jnp.asarray(np.random.default_rng(2).normal(300, 4, (1, 32, 32, 1)), jnp.bfloat16)
    out = instance_norm(x).astype(jnp.float32)
    assert abs(float(out.std()) - 1) < 0.02
    assert abs(float(out.mean())) < 0.02
