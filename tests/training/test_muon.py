"""The optimiser for short training."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from kdtalker_jax.training.muon import MATCH, is_matrix, muon, orthogonal


def paths(params: dict) -> dict[str, bool]:
    marked = jax.tree_util.tree_map_with_path(is_matrix, params)
    return {"/".join(e.key for e in path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(marked)}


def test_updates_have_equal_singular_values_whatever_the_gradients():
    gradient = jax.random.normal(jax.random.key(0), (3, 3, 6, 16)) * jnp.logspace(-2, 0, 16)
    singular = np.linalg.svd(np.reshape(orthogonal(gradient), (54, 16)), compute_uv=False) / (MATCH * np.sqrt(54))
    assert singular.min() > 0.5
    assert singular.max() < 1.4


def test_the_directions_are_those_of_the_gradient():
    gradient = np.random.default_rng(0).standard_normal((20, 8)).astype(np.float32)
    u, _, v = np.linalg.svd(gradient, full_matrices=False)
    update = np.asarray(orthogonal(jnp.asarray(gradient)))
    assert np.sum(update * (u @ v)) / np.linalg.norm(update) / np.linalg.norm(u @ v) > 0.95


def test_what_is_no_matrix_is_left_to_adam():
    params = {
        "warping": {"third": {"conv": {"kernel": jnp.zeros((3, 3, 4, 8)), "bias": jnp.zeros(8)}}},
        "motion_extractor": {
            "fc_exp": {"kernel": jnp.zeros((8, 63))},
            "block": {"depthwise": {"kernel": jnp.zeros((7, 7, 1, 8))}, "expand": {"kernel": jnp.zeros((8, 32))}},
        },
    }
    assert paths(params) == {
        "warping/third/conv/kernel": True,
        "warping/third/conv/bias": False,
        "motion_extractor/fc_exp/kernel": False,
        "motion_extractor/block/depthwise/kernel": False,
        "motion_extractor/block/expand/kernel": True,
    }


def test_vectors_move_as_with_adam():
    ours, theirs = muon(lambda step: 0.1, beta1=0.5, beta2=0.9), optax.adam(0.1, b1=0.5, b2=0.9)
    params = {"bias": jnp.array([1.0, -2.0])}
    states = [optimizer.init(params) for optimizer in (ours, theirs)]
    for scale in (1.0, -0.5, 2.0):
        gradients = {"bias": jnp.array([scale, 3.0])}
        (update, states[0]), (expected, states[1]) = (
            optimizer.update(gradients, state) for optimizer, state in zip((ours, theirs), states, strict=True)
        )
        np.testing.assert_allclose(update["bias"], expected["bias"], rtol=1e-4)


def test_it_descends():
    target = jax.random.normal(jax.random.key(1), (8, 8))
    params = {"kernel": jnp.zeros((8, 8))}
    optimizer = muon(optax.linear_schedule(0.2, 0.0, 150), beta1=0.9, beta2=0.999)
    state = optimizer.init(params)
    for _ in range(150):
        gradients = {"kernel": params["kernel"] - target}
        updates, state = optimizer.update(gradients, state)
        params = optax.apply_updates(params, updates)
    assert jnp.abs(params["kernel"] - target).mean() < 0.1
