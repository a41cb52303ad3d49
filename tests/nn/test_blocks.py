"""Shared layers: spectral norm in training, and what a folded tree refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.nn.blocks import ConvNorm, SpectralConv


def test_spectral_norm_in_training_converges_to_the_largest_singular_value():
    module = SpectralConv(4, 3, folded=False)
    x = jnp.ones((1, 5, 5, 2))
    variables = module.init(jax.random.key(0), x)
    kernel = variables["params"]["kernel"]
    for _ in range(50):
        _, update = module.apply(variables, x, train=True, mutable=["spectral"])
        variables = {**variables, **update}
    u, v = variables["spectral"]["u"], variables["spectral"]["v"]
    matrix = np.asarray(kernel).transpose(3, 2, 0, 1).reshape(4, -1)
    np.testing.assert_allclose(u @ matrix @ v, np.linalg.norm(matrix, 2), rtol=1e-5)


def test_spectral_norm_does_not_move_at_inference():
    module = SpectralConv(4, 3, folded=False)
    x = jnp.ones((1, 5, 5, 2))
    variables = module.init(jax.random.key(0), x)
    _, update = module.apply(variables, x, mutable=["spectral"])
    np.testing.assert_array_equal(update["spectral"]["u"], variables["spectral"]["u"])


def test_a_folded_module_refuses_to_train():
    module = ConvNorm(4, 3)
    x = jnp.ones((1, 5, 5, 2))
    variables = module.init(jax.random.key(0), x)
    with pytest.raises(ValueError, match="folded=False"):
        module.apply(variables, x, train=True)
