"""Positions, times and audio of the denoiser."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from configs import SMALL
from kdtalker_jax.motion_models.kdtalker.network import (
    Modulation,
    relative_buckets,
    rotary_frequencies,
    rotate,
    sinusoid,
)
from tests.networks import PARTS


def test_relative_buckets_are_t5s():
    """Exact up to 7, then two buckets an octave up to 15; keys after the query use the upper half."""
    table = relative_buckets(200, 32, 128)
    assert table[0, 0] == 0
    expected = {1: 1, 7: 7, 8: 8, 11: 8, 12: 9, 15: 9, 16: 10, 22: 10, 23: 11, 31: 11, 32: 12, 64: 14, 128: 15, 199: 15}
    for distance, bucket in expected.items():
        assert table[distance, 0] == bucket, distance
        assert table[0, distance] == bucket + 16, distance


def test_rotation_turns_pairs_and_leaves_the_rest():
    x = np.random.default_rng(0).standard_normal((1, 5, 2, 10)).astype(np.float32)
    frequencies = rotary_frequencies(None, 4)
    np.testing.assert_allclose(frequencies, [1.0, 0.01], rtol=1e-6)
    out = np.asarray(rotate(x, frequencies))
    np.testing.assert_array_equal(out[..., 4:], x[..., 4:])
    np.testing.assert_array_equal(out[:, 0], x[:, 0])
    for position, pair in np.ndindex(5, 2):
        angle = position * float(frequencies[pair])
        a, b = x[0, position, 1, 2 * pair], x[0, position, 1, 2 * pair + 1]
        expected = [a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)]
        np.testing.assert_allclose(out[0, position, 1, 2 * pair : 2 * pair + 2], expected, atol=1e-6)


def test_attention_depends_on_the_distance_alone():
    """Rotated queries and keys meet in a product that only their difference in position decides."""
    frequencies = rotary_frequencies(None, 4)
    q, k = np.random.default_rng(1).standard_normal((2, 1, 1, 1, 4)).astype(np.float32)
    q, k = (np.asarray(rotate(np.repeat(x, 6, axis=1), frequencies))[0, :, 0] for x in (q, k))
    products = q @ k.T
    np.testing.assert_allclose(products[1:, 1:], products[:-1, :-1], atol=1e-5)


def test_time_embedding():
    embedding = np.asarray(sinusoid(jnp.array([0, 7]), 8))
    np.testing.assert_allclose(embedding[0], [0, 0, 0, 0, 1, 1, 1, 1])
    frequencies = 1e4 ** -(np.arange(4) / 3)
    np.testing.assert_allclose(embedding[1], np.r_[np.sin(7 * frequencies), np.cos(7 * frequencies)], atol=1e-6)


def test_every_input_matters(small_variables):
    random = np.random.default_rng(2)
    tokens = random.standard_normal((1, 66, 70)).astype(np.float32)
    audio = random.standard_normal((1, 66, 16)).astype(np.float32)
    module = PARTS["denoiser"].build(SMALL)

    def noise(tokens, time, audio):
        return np.asarray(module.apply(small_variables["denoiser"], tokens, np.array([time]), audio))

    base = noise(tokens, 10, audio)
    later_token, later_audio = tokens.copy(), audio.copy()
    later_token[:, -1] += 1
    later_audio[:, -1] += 1
    for other in (noise(tokens, 900, audio), noise(later_token, 10, audio), noise(tokens, 10, later_audio)):
        assert np.abs(other - base).max() > 1e-3
    # Attention is not causal: the first frame hears the last.
    assert np.abs(noise(later_token, 10, audio)[:, 2] - base[:, 2]).max() > 1e-6


def test_modulation_is_one_linear_map_of_time_and_audio():
    """Its two terms, which a sampler computes apart, add up to the published layer: Dense(SiLU(concat))."""
    random = np.random.default_rng(3)
    config = SMALL.denoiser
    time = random.standard_normal((3, config.time_features)).astype(np.float32)
    audio = random.standard_normal((3, 66, config.audio_features)).astype(np.float32)
    condition = np.concatenate([np.repeat(time[:, None], 66, axis=1), audio], axis=-1)
    dense = nn.Dense(2 * config.width)
    variables = dense.init(jax.random.key(0), condition)
    variables["params"]["bias"] = random.standard_normal(2 * config.width).astype(np.float32)
    expected = dense.apply(variables, nn.silu(condition))  # (3, 66, 2 * width)

    modulation = Modulation(config)
    of_time = modulation.apply(variables, time, method="of_time")
    of_audio = modulation.apply(variables, audio, method="of_audio")
    np.testing.assert_allclose(of_time[:, None] + of_audio, expected, atol=1e-5)


def test_terms_of_all_times_at_once_are_those_of_each(small_variables):
    module = PARTS["denoiser"].build(SMALL)
    times = np.array([980, 40, 0])
    together = module.apply(small_variables["denoiser"], times, method="terms_of_time")
    assert len(together) == 2 * SMALL.denoiser.layers
    for i in range(3):
        alone = module.apply(small_variables["denoiser"], times[i : i + 1], method="terms_of_time")
        for term, terms in zip(alone, together, strict=True):
            np.testing.assert_allclose(terms[i], term[0], atol=1e-5)
