"""Details of the generator that a wrong port gets silently wrong."""

import jax.numpy as jnp
import numpy as np

from kdtalker_jax.renderers.liveportrait.networks.generator import (
    SPREAD_UNITS,
    instance_norm,
    pixel_shuffle,
    shown_keypoints,
)


def test_pixel_shuffle_order():
    """out[f h + i, f w + j, c] = in[h, w, c f^2 + i f + j], the order in which the weights were trained."""
    x = np.random.default_rng(0).standard_normal((1, 2, 3, 12)).astype(np.float32)
    out = np.asarray(pixel_shuffle(x, 2))
    assert out.shape == (1, 4, 6, 3)
    for h, w, c, i, j in np.ndindex(2, 3, 3, 2, 2):
        assert out[0, 2 * h + i, 2 * w + j, c] == x[0, h, w, 4 * c + 2 * i + j]


def test_keypoints_are_shown_where_they_are_driven_to():
    """A spot at each, and in it where it and the source's lie in their face, wherever that is and however large."""
    source = np.random.default_rng(3).uniform(-0.4, 0.4, (1, 5, 3)).astype(np.float32)
    driving = np.repeat(source, 2, axis=0)
    driving[1] = 1.5 * driving[1] + (0.1, -0.2, 0.3)  # nearer, elsewhere: the same face
    spots = np.asarray(shown_keypoints(source, driving, 65)).reshape(2, 65, 65, 5, 5)
    for frame, k in np.ndindex(2, 5):
        y, x = np.unravel_index(spots[frame, ..., k, 0].argmax(), (65, 65))
        np.testing.assert_allclose((x / 32 - 1, y / 32 - 1), driving[frame, k, :2], atol=1 / 64)
        of_driving, of_source = spots[frame, y, x, k, 1:].reshape(2, 2)
        np.testing.assert_allclose(of_driving, of_source, atol=1e-3 * SPREAD_UNITS)
    moved = driving + np.float32([0, 0.05, 0]) * (np.arange(5) == 2)[:, None]  # one of them alone
    changed = np.abs(np.asarray(shown_keypoints(source, moved, 65)).reshape(spots.shape) - spots)[..., 0]
    assert changed[..., 2].max() > 0.1 and changed[..., [0, 1, 3, 4]].max() == 0


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
