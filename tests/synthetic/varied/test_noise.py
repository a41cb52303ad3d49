"""Noise: the same anywhere and at any size, spread and coloured as asked for."""

import jax.numpy as jnp
import numpy as np

from kdtalker_jax.synthetic.varied.noise import colour_fractal, fractal, hashed, noise, part, seeded, specks

X, Y = jnp.meshgrid(jnp.linspace(-6, 6, 192), jnp.linspace(-6, 6, 192))
SEED = seeded(jnp.float32(12345), 1)


def test_hashes_are_even_and_their_parts_independent():
    h = hashed(*jnp.meshgrid(jnp.arange(-100, 100), jnp.arange(-100, 100)), SEED)
    parts = np.stack([np.asarray(part(h, k)).ravel() for k in range(3)])
    np.testing.assert_allclose(parts.mean(axis=1), 0.5, atol=0.01)
    np.testing.assert_allclose(parts.std(axis=1), 12**-0.5, atol=0.01)
    assert np.abs(np.corrcoef(parts) - np.eye(3)).max() < 0.02


def test_noise_is_smooth_bounded_and_another_for_another_seed():
    found = np.asarray(noise(X, Y, SEED))
    assert np.abs(found).max() <= 1 and found.std() > 0.25
    assert np.abs(np.diff(found, axis=1)).max() < 0.3
    other = np.asarray(noise(X, Y, seeded(jnp.float32(12345), 2)))
    assert abs(np.corrcoef(found.ravel(), other.ravel())[0, 1]) < 0.25


def test_a_point_does_not_depend_on_its_neighbours():
    np.testing.assert_allclose(fractal(X[3:5, 7:9], Y[3:5, 7:9], SEED, 4), fractal(X, Y, SEED, 4)[3:5, 7:9], atol=1e-5)


def test_gain_makes_noise_rough():
    def steps(gain: float) -> float:
        found = np.asarray(fractal(X, Y, SEED, 5, gain))
        return np.abs(np.diff(found)).mean() / found.std()

    assert steps(0.3) < 0.7 * steps(0.8)


def test_channels_differ():
    flat = np.stack([np.asarray(channel).ravel() for channel in colour_fractal(X, Y, SEED, 4)])
    assert np.abs(np.corrcoef(flat) - np.eye(3)).max() < 0.4


def test_specks_cover_their_share():
    few, many = (np.asarray(specks(4 * X, 4 * Y, SEED, 0.3, share)) for share in (0.1, 0.9))
    assert 0 < few.mean() < 0.3 * many.mean()
    assert few.min() == 0 and many.max() <= 1
