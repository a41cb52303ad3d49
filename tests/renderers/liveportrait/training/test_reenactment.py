"""The four networks together: which picture is moved by which, and whose statistics change."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.renderers.liveportrait.training.reenactment import (
    NAMES,
    FaceMotion,
    Networks,
    fresh_weights,
    output_size,
    sizes_at,
)
from tests.training.faces import TINY_RENDERER

FIRST, SECOND = TINY_RENDERER.phases
SOURCES, DRIVINGS = 2, 3


@pytest.fixture(scope="module")
def weights():
    return fresh_weights(TINY_RENDERER)


@pytest.fixture(scope="module")
def pictures():
    """Sources (B, S, S, 3), and for the motion extractor (B, 1 + J, M, M, 3)."""
    random = np.random.default_rng(0)
    shapes = (SOURCES, 16, 16, 3), (SOURCES, 1 + DRIVINGS, 32, 32, 3)
    return tuple(random.random(shape, dtype=np.float32) for shape in shapes)


@pytest.fixture(scope="module")
def reenacted(weights, pictures):
    return jax.jit(Networks(TINY_RENDERER, FIRST, train=False).reenact)(weights, *pictures)


def test_variables_are_those_of_a_checkpoint(weights):
    again = weights.of({name: weights.variables(name) for name in NAMES})
    assert jax.tree.structure(again) == jax.tree.structure(weights)
    jax.tree.map(np.testing.assert_array_equal, again, weights)


def test_each_source_goes_with_its_own_driving_pictures(weights, pictures, reenacted):
    """Row b J + j shows source b as its picture j has it."""
    found, _ = reenacted
    networks = Networks(TINY_RENDERER, FIRST, train=False)
    assert found.pictures.shape == (SOURCES * DRIVINGS, 32, 32, 3)
    assert found.keypoints.shape == (SOURCES, 1 + DRIVINGS, 21, 3)
    render = jax.jit(networks.render)
    for b in range(SOURCES):
        for j in range(DRIVINGS):
            start, to = found.keypoints[b, :1], found.keypoints[b, 1 + j][None]
            alone = render(weights, pictures[0][b : b + 1], start, to)
            np.testing.assert_allclose(found.pictures[b * DRIVINGS + j], alone[0], atol=1e-4)
    shown = np.asarray(found.pictures).reshape(SOURCES, DRIVINGS, -1)
    assert np.abs(shown[0] - shown[1]).max() > 1e-3
    assert np.abs(np.diff(shown, axis=1)).max() > 1e-6


def test_keypoints_are_the_sources_own_with_the_motion_of_each_picture(reenacted):
    found, _ = reenacted
    for b in range(SOURCES):
        for i in range(1 + DRIVINGS):
            motion = jax.tree.map(lambda part, b=b, i=i: part[b, i][None], found.motion)
            np.testing.assert_allclose(found.keypoints[b, i], motion.keypoints(found.motion.kp[b, :1])[0], atol=1e-5)


def test_angles_are_degrees_and_every_shape_leads():
    """The 66 bins are 3 degrees apart from -97.5 on."""

    def bins(angle):
        return jnp.where(jnp.arange(66) == round((angle + 97.5) / 3), 50.0, 0.0)[None, None]

    zeros = jnp.zeros((1, 1, 63), jnp.float32)
    heads = {"yaw": bins(22.5), "pitch": bins(-7.5), "roll": bins(1.5), "kp": zeros, "exp": zeros}
    motion = FaceMotion.of(heads | {"scale": jnp.ones((1, 1, 1), jnp.float32), "t": jnp.zeros((1, 1, 3), jnp.float32)})
    np.testing.assert_allclose(motion.angles, [[[22.5, -7.5, 1.5]]], atol=1e-3)
    assert motion.scale.shape == (1, 1)
    assert motion.keypoints(zeros).shape == (1, 1, 21, 3)


@pytest.mark.parametrize(
    ("phase", "train", "changing"),
    [
        (FIRST, False, set()),
        (FIRST, True, {"appearance", "warping", "generator"}),
        (replace(FIRST, frozen_norms=True), True, {"generator"}),
    ],
)
def test_only_norms_in_training_change_their_statistics(weights, pictures, phase, train, changing):
    _, after = jax.jit(Networks(TINY_RENDERER, phase, train=train).reenact)(weights, *pictures)
    changed = set()
    for name in NAMES:
        before = jax.tree.leaves(weights.statistics[name])
        assert len(before) == len(jax.tree.leaves(after[name]))
        if any(np.abs(a - b).max() > 1e-6 for a, b in zip(before, jax.tree.leaves(after[name]), strict=True)):
            changed.add(name)
    assert changed == changing


@pytest.mark.parametrize("phase", [FIRST, SECOND])
def test_sizes_go_with_the_phase(weights, phase):
    assert sizes_at(TINY_RENDERER, phase).appearance.image_size == phase.image_size
    source = jax.ShapeDtypeStruct((1, phase.image_size, phase.image_size, 3), np.float32)
    motion = jax.ShapeDtypeStruct((1, 2, 32, 32, 3), np.float32)
    found, _ = jax.eval_shape(Networks(TINY_RENDERER, phase, train=False).reenact, weights, source, motion)
    side = output_size(TINY_RENDERER, phase)
    assert found.pictures.shape == (1, side, side, 3)


@pytest.mark.slow
def test_memory_is_saved_without_a_change(weights, pictures):
    def loss(config):
        networks = Networks(config, FIRST, train=True)
        return jax.grad(lambda params: networks.reenact(weights.replace(params=params), *pictures)[0].pictures.mean())(
            weights.params
        )

    plain, saved = (jax.jit(loss, static_argnums=0)(replace(TINY_RENDERER, remat=remat)) for remat in (False, True))
    for a, b in zip(jax.tree.leaves(plain), jax.tree.leaves(saved), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)


def test_training_begins_near_a_neutral_face(weights, pictures):
    motion = jax.jit(Networks(TINY_RENDERER, FIRST, train=False).motion)(weights, pictures[1])
    np.testing.assert_allclose(motion.scale, 1, atol=0.2)
    assert np.abs(motion.exp).max() < 0.3
    assert 0.1 < np.abs(motion.kp).max() < 0.7
