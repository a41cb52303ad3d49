"""The optimiser for short training."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from optax.contrib import MuonDimensionNumbers

from configs import SMALL
from kdtalker_jax.motion_models.kdtalker.training.optimizer import decay_mask
from kdtalker_jax.training.muon import ADAMS_SIZE, matrices, muon
from kdtalker_jax.training.optimizer import chain
from tests.networks import PARTS


def first_update(params, gradients):
    optimizer = muon(lambda step: 1.0, beta1=0.5, beta2=0.9)
    return optimizer.update(gradients, optimizer.init(params), params)[0]


def marks(params) -> dict[str, bool]:
    """Whether Muon takes a parameter for a matrix, by its path."""
    return {"/".join(entry.key for entry in path): leaf for path, leaf in jax.tree.leaves_with_path(matrices(params))}


def test_kernels_move_in_all_directions_alike_whatever_the_gradients():
    gradient = jax.random.normal(jax.random.key(0), (3, 3, 6, 16)) * jnp.logspace(-2, 0, 16)[None, None, None]
    update = first_update({"kernel": jnp.zeros_like(gradient)}, {"kernel": gradient})["kernel"]
    singular = np.linalg.svd(np.reshape(update, (54, 16)), compute_uv=False)
    assert singular.max() / singular.min() < 3
    assert abs(float(jnp.sqrt(jnp.square(update).mean())) / ADAMS_SIZE - 1) < 0.3


def axes_of(params):
    """As optax's own takes them."""
    return jax.tree.map(
        lambda leaf, is_matrix: MuonDimensionNumbers(tuple(range(leaf.ndim - 1)), leaf.ndim - 1) if is_matrix else None,
        params,
        matrices(params),
    )


@pytest.mark.parametrize("networks", [False, True])
def test_the_numbers_and_the_state_are_those_of_optax(networks):
    """Also of kernels with more inputs than outputs and the other way round, alone in their shape or not."""
    shapes = {name: PARTS[name].shapes(SMALL)["params"] for name in ("warping", "retargeting")}
    rng = np.random.default_rng(0)
    params, *steps = (
        jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), jnp.float32), shapes) for _ in range(3)
    )
    rate = optax.constant_schedule(0.1)
    theirs = optax.contrib.muon(
        rate, adam_b1=0.5, adam_b2=0.9, consistent_rms=ADAMS_SIZE, muon_weight_dimension_numbers=axes_of
    )
    ours = muon(rate, beta1=0.5, beta2=0.9, networks=networks)
    own, other = ours.init(params), theirs.init(params)
    chex.assert_trees_all_equal_shapes_and_dtypes(own, other)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        their_update = jax.jit(theirs.update)
        for gradients in steps:
            found, own = jax.jit(ours.update)(gradients, own, params)
            expected, other = their_update(gradients, other, params)
            chex.assert_trees_all_close(found, expected, atol=1e-5)


def test_matrices_of_one_shape_are_multiplied_together_but_not_those_of_different_networks():
    """What compilers and launches of kernels cost goes by the products; frozen networks have to cost nothing."""
    network = {f"layer_{number}": {"kernel": jnp.ones((4, 8))} for number in range(10)}
    params = {"motion_extractor": network, "warping": network}
    for networks, groups in ((False, 1), (True, 2)):
        optimizer = muon(lambda step: 0.1, beta1=0.5, beta2=0.9, networks=networks)
        text = jax.jit(optimizer.update).lower(params, optimizer.init(params), params).as_text()
        assert text.count("stablehlo.dot_general") == 3 * groups


def test_what_is_no_matrix_is_left_to_adam():
    kernels = {
        "warping": {"third": {"conv": {"kernel": (3, 3, 4, 8), "bias": (8,)}}},
        "motion_extractor": {
            "fc_exp": {"kernel": (8, 63)},
            "block": {"depthwise": {"kernel": (7, 7, 1, 8)}, "expand": {"kernel": (8, 32)}},
        },
        "emotion_module": {"emotion_table": (9, 32)},
        "autoencoder": {"codebook": (512, 3)},
    }
    params = jax.tree.map(jnp.zeros, kernels, is_leaf=lambda leaf: isinstance(leaf, tuple))
    assert marks(params) == {
        "warping/third/conv/kernel": True,
        "warping/third/conv/bias": False,
        "motion_extractor/fc_exp/kernel": False,
        "motion_extractor/block/depthwise/kernel": False,
        "motion_extractor/block/expand/kernel": True,
        "emotion_module/emotion_table": False,
        "autoencoder/codebook": False,
    }


def test_the_denoiser_learns_by_it_but_for_its_biases():
    for name, marked in marks(PARTS["denoiser"].shapes(SMALL)["params"]).items():
        assert marked == (name.split("/")[-1] == "kernel"), name


def test_only_what_the_mask_names_decays():
    params = {"kernel": jnp.ones((4, 4)), "bias": jnp.ones(4)}
    optimizer = muon(lambda step: 0.5, beta1=0.9, beta2=0.999, weight_decay=0.1, mask=decay_mask)
    updates, _ = optimizer.update(jax.tree.map(jnp.zeros_like, params), optimizer.init(params), params)
    np.testing.assert_allclose(updates["kernel"], -0.05, rtol=1e-5)
    np.testing.assert_allclose(updates["bias"], 0, atol=1e-8)


def test_vectors_move_as_with_nadam():
    ours, theirs = muon(lambda step: 0.1, beta1=0.5, beta2=0.9), chain(optax.nadam(0.1, b1=0.5, b2=0.9))
    params = {"bias": jnp.array([1.0, -2.0])}
    states = [optimizer.init(params) for optimizer in (ours, theirs)]
    for scale in (1.0, -0.5, 2.0):
        gradients = {"bias": jnp.array([scale, 3.0])}
        (update, states[0]), (expected, states[1]) = (
            optimizer.update(gradients, state, params) for optimizer, state in zip((ours, theirs), states, strict=True)
        )
        np.testing.assert_allclose(update["bias"], expected["bias"], rtol=1e-3)


def test_it_descends():
    target = jax.random.normal(jax.random.key(1), (8, 8))
    params = {"kernel": jnp.zeros((8, 8))}
    optimizer = muon(optax.linear_schedule(0.2, 0.0, 150), beta1=0.9, beta2=0.999)
    state, update = optimizer.init(params), jax.jit(optimizer.update)
    for _ in range(150):
        gradients = {"kernel": params["kernel"] - target}
        updates, state = update(gradients, state, params)
        params = optax.apply_updates(params, updates)
    assert jnp.abs(params["kernel"] - target).mean() < 0.1
