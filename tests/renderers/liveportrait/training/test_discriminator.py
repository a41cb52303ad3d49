"""The adversary's losses, and that it can be told apart from a fixed function."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.renderers.liveportrait.training.discriminator import (
    MultiScaleDiscriminator,
    Verdict,
    adversarial_loss,
    discriminator_loss,
    matching_loss,
)


def verdict(logit: float, feature: float = 0.0) -> list[Verdict]:
    return [Verdict(jnp.full((2, 3, 3, 1), logit), (jnp.full((2, 3, 3, 4), feature),))] * 2


@pytest.mark.parametrize(("real", "fake", "loss"), [(2.0, -2.0, 0.0), (0.0, 0.0, 4.0), (-1.0, 1.0, 8.0)])
def test_the_hinge_is_content_beyond_one(real, fake, loss):
    np.testing.assert_allclose(discriminator_loss(verdict(real), verdict(fake)), [loss, loss])


def test_the_generator_is_told_the_mean_logit():
    np.testing.assert_allclose(adversarial_loss(verdict(0.5)), [-0.5, -0.5])


def test_features_are_matched_to_those_of_the_real_picture_only():
    def loss(real: float, fake: float) -> jax.Array:
        return matching_loss(verdict(0, real), verdict(0, fake)).sum()

    assert loss(1.0, 3.0) == 4
    assert jax.grad(loss, argnums=0)(1.0, 3.0) == 0
    np.testing.assert_allclose(jax.grad(loss, argnums=1)(1.0, 3.0), 2, rtol=1e-5)


def test_each_scale_has_weights_of_its_own_and_judges_patches():
    module = MultiScaleDiscriminator(width=4, scales=2)
    picture = jax.random.uniform(jax.random.key(0), (2, 64, 64, 3))
    variables = module.init(jax.random.key(1), picture)
    assert set(variables["params"]) == {"scale_0", "scale_1"}
    verdicts, after = module.apply(variables, picture, True, mutable=["spectral"])
    assert [v.logits.shape for v in verdicts] == [(2, 4, 4, 1), (2, 2, 2, 1)]
    before, vectors = (tree["spectral"]["scale_0"]["layer_0"]["u"] for tree in (variables, after))
    assert np.abs(vectors - before).max() > 1e-3, "training iterates the singular vectors"
