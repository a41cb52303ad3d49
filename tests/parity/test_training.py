"""Loss, its parts, gradient norm and gradients are the recorded ones."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.motion_models.kdtalker.network import Denoiser
from kdtalker_jax.motion_models.kdtalker.training.loss import Examples, denoising_losses

# Recorded [::16, ::16], weights as (out, in).
STRIDED_KERNELS = {
    "layers.0.2.fn.fn.to_qkv": ("layer_0_attention", "qkv"),
    "layers.5.1.mlp.1": ("layer_5_residual_1", "modulation"),
    "input_projection": ("input_projection",),
}


@pytest.fixture(scope="module")
def trained(checkpoint, expected):
    """Losses of the recorded batch, and the gradients of their mean."""
    given = {name: expected[f"train/{name}"] for name in ("x_0", "ref", "ori", "aud", "noise", "t")}
    prefix = np.stack([given["ori"], given["ref"]], axis=1)
    examples = Examples(given["x_0"], prefix, np.pad(given["aud"], ((0, 0), (2, 0), (0, 0))))
    losses_of = partial(denoising_losses, Denoiser(checkpoint.config.denoiser), checkpoint.config.diffusion)

    def objective(params):
        losses = losses_of(params, examples, given["t"], given["noise"])
        return losses.total.mean(), losses

    params = checkpoint.variables("denoiser")["params"]
    gradients, losses = jax.jit(jax.grad(objective, has_aux=True))(params)
    return losses, gradients


def test_losses(trained, expected):
    losses = [part.mean() for part in trained[0]]
    np.testing.assert_allclose(losses, expected["train/loss"], rtol=1e-5)


def test_gradient_norm(trained, expected):
    norm = jnp.sqrt(sum(jnp.square(leaf).sum() for leaf in jax.tree.leaves(trained[1])))
    np.testing.assert_allclose(norm, expected["train/grad_norm"], rtol=1e-4)


@pytest.mark.parametrize("name", STRIDED_KERNELS)
def test_gradients(trained, expected, name):
    gradient = trained[1]
    for scope in STRIDED_KERNELS[name]:
        gradient = gradient[scope]
    recorded = expected[f"train/grad/point_model.model.{name}.weight"]
    np.testing.assert_allclose(gradient["kernel"].T[::16, ::16], recorded, atol=1e-4 * recorded.std())


def test_gradient_of_the_relative_bias(trained, expected):
    recorded = expected["train/grad/point_model.model.time_rel_pos_bias.relative_attention_bias.weight"]
    np.testing.assert_allclose(trained[1]["relative_bias"], recorded, atol=1e-4 * recorded.std())
