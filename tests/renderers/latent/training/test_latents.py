"""Latents of another size: what they are decoded to stays."""

import numpy as np

from configs.dreamhead import SMALL
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.renderers.latent.parts import AUTOENCODER, UNET
from kdtalker_jax.renderers.latent.training.latents import deviation, with_latents_scaled


def test_an_autoencoder_of_larger_latents_makes_the_same_pictures():
    params = {AUTOENCODER.name: random_variables(AUTOENCODER.name, SMALL)["params"]}
    scaled = with_latents_scaled(params, 4.0)
    network, pictures = AUTOENCODER.build(SMALL), np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3))

    def through(params: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        variables = {"params": params[AUTOENCODER.name]}
        z = network.apply(variables, pictures.astype(np.float32), method="encode")
        quantised, codes = network.apply(variables, z, method="quantise")
        return z, codes, network.apply(variables, quantised, method="decode")

    (z, codes, decoded), (larger, same_codes, same) = through(params), through(scaled)
    np.testing.assert_array_equal(larger, 4 * z)
    np.testing.assert_array_equal(same_codes, codes)
    np.testing.assert_allclose(same, decoded, atol=1e-6)
    assert np.isclose(deviation(np.asarray(larger)), 4 * deviation(np.asarray(z)))


def test_a_u_net_is_told_the_same_by_conditions_and_more_by_noisy_latents():
    params = {part.name: random_variables(part.name, SMALL)["params"] for part in (AUTOENCODER, UNET)}
    before, after = (tree[UNET.name]["input_0"] for tree in (params, with_latents_scaled(params, 2.0)))
    np.testing.assert_array_equal(after["kernel"][:, :, :3], before["kernel"][:, :, :3])
    np.testing.assert_array_equal(after["kernel"][:, :, 3:], before["kernel"][:, :, 3:] / 2)
    np.testing.assert_array_equal(after["bias"], before["bias"])
