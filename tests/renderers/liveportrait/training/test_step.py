"""One step of the renderer: what it must not depend on, and what it must not do."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.renderers.liveportrait.training.input import FaceClips, RendererBatches
from kdtalker_jax.renderers.liveportrait.training.step import (
    Landmarks,
    initial_state,
    learning_rate_schedule,
    make_train_step,
    update_ema,
)
from tests.training.faces import TINY_RENDERER, make_face_clips

LANDMARKS = Landmarks((0, 1), (10, 11), ((10,), (11,), (2, 3)), ((0, 1),))
PLAIN, ADVERSARIAL = TINY_RENDERER.phases


@pytest.fixture(scope="module")
def batches() -> list:
    clips = FaceClips(make_face_clips(), cache_gb=0.1)
    return [batch.pictures for batch in RendererBatches(clips, TINY_RENDERER)]


@pytest.fixture(scope="module")
def state():
    """After a step, so that the learning rate is not 0."""
    state = initial_state(TINY_RENDERER)
    counted = jax.tree.map(lambda leaf: leaf + 1 if leaf.dtype == jnp.int32 else leaf, state.opt_state)
    return state.replace(step=jnp.int32(1), opt_state=counted)


@pytest.fixture(scope="module")
def step():
    return jax.jit(make_train_step(TINY_RENDERER, PLAIN, LANDMARKS))


@pytest.fixture(scope="module")
def judged_step():
    return jax.jit(make_train_step(TINY_RENDERER, ADVERSARIAL, LANDMARKS))


def change(after, before) -> float:
    """The largest, by numpy: JAX would compile for every shape."""
    return max(
        jax.tree.leaves(jax.tree.map(lambda a, b: float(np.abs(np.asarray(a) - np.asarray(b)).max()), after, before))
    )


def test_a_step_changes_all_networks_and_their_statistics(step, state, batches):
    after, metrics, losses = step(state, batches[0])
    assert after.step == 2
    assert metrics["finite"]
    assert losses.shape == (4,)
    np.testing.assert_allclose(losses.mean(), metrics["loss"], rtol=1e-5)
    for name in ("appearance", "motion_extractor", "warping", "generator"):
        assert change(after.weights.params[name], state.weights.params[name]) > 1e-5, name
    assert change(after.weights.statistics["appearance"], state.weights.statistics["appearance"]) > 1e-4
    assert change(after.weights.statistics["generator"], state.weights.statistics["generator"]) > 1e-4
    assert change(after.ema.params, state.ema.params) > 1e-6
    jax.tree.map(np.testing.assert_array_equal, after.adversary, state.adversary)


def test_the_total_is_the_weighted_sum_of_the_terms(step, state, batches):
    _, metrics, _ = step(state, batches[0])
    weights = TINY_RENDERER.loss
    terms = ("pixels", "edges", "structure", "spread", "depth", "deformation", "pose", "placement", "landmarks")
    terms += ("openings",)
    assert metrics["openings"] > 0
    total = sum(getattr(weights, name) * metrics[name] for name in terms)
    np.testing.assert_allclose(metrics["loss"], total, rtol=1e-5)


def test_the_same_step_gives_the_same_bits(step, state, batches):
    jax.tree.map(np.testing.assert_array_equal, step(state, batches[0]), step(state, batches[0]))


def test_weights_carry_over_to_pictures_of_another_size(judged_step, state, batches):
    after, metrics, _ = judged_step(state, batches[3])
    assert {"adversarial", "features", "discriminator"} <= set(metrics)
    assert metrics["finite"]
    assert change(after.adversary.weights.params, state.adversary.weights.params) > 1e-5


def test_a_phase_is_compiled_once(step, state, batches):
    step(state, batches[0])
    before = step._cache_size()
    after, _, _ = step(state, batches[1])
    step(after, batches[2])
    assert step._cache_size() == before == 1


@pytest.mark.slow
def test_the_adversary_learns_only_from_its_own_loss(judged_step, state, batches):
    """Its gradient must not come from the terms that the renderer minimises."""
    config = replace(TINY_RENDERER, loss=replace(TINY_RENDERER.loss, adversarial=0.0, features=0.0))
    without = jax.jit(make_train_step(config, ADVERSARIAL, LANDMARKS))(state, batches[3])[0]
    adversary = judged_step(state, batches[3])[0].adversary
    assert change(adversary.weights.params, without.adversary.weights.params) < 1e-5


def test_muon_changes_all_networks_and_frozen_norms_keep_their_statistics(batches):
    """The kernels around them still learn."""
    config = replace(TINY_RENDERER, optimizer=replace(TINY_RENDERER.optimizer, kind="muon", warmup_steps=0))
    state = initial_state(config)
    step = jax.jit(make_train_step(config, replace(PLAIN, frozen_norms=True), LANDMARKS))
    after, metrics, _ = step(state, batches[0])
    assert metrics["finite"]
    for name in ("appearance", "motion_extractor", "warping", "generator"):
        assert change(after.weights.params[name], state.weights.params[name]) > 1e-5, name
    for name in ("appearance", "warping"):
        assert change(after.weights.statistics[name], state.weights.statistics[name]) == 0, name


def test_pictures_may_be_made_from_true_keypoints(state, batches):
    """Terms of motion look at the keypoints that were found all the same; where no truth is known these serve."""
    apart = replace(PLAIN, frozen_norms=True)  # so that samples know nothing of each other
    phases = [replace(apart, true_keypoints=share) for share in (0.0, 1.0, 0.5)]
    steps = [jax.jit(make_train_step(TINY_RENDERER, phase, LANDMARKS)) for phase in phases]
    found, true, half = (step(state, batches[0])[1:] for step in steps)
    assert abs(true[0]["pixels"] - found[0]["pixels"]) > 1e-5
    for name in ("spread", "pose", "placement", "landmarks", "openings"):
        np.testing.assert_allclose(true[0][name], found[0][name], rtol=1e-5)
    as_found = np.isclose(half[1], found[1], rtol=1e-5)
    assert 0 < as_found.sum() < len(as_found)
    np.testing.assert_allclose(half[1][~as_found], true[1][~as_found], rtol=1e-5)

    unknown = batches[0]._replace(landmarks=np.full_like(batches[0].landmarks, np.nan))
    pixels = [step(state, unknown)[1]["pixels"] for step in steps[:2]]
    np.testing.assert_allclose(*pixels, rtol=1e-6)


def test_motion_alone_learns_as_it_does_beside_the_rest(step, state, batches):
    """With the same motion terms, and everything but the motion extractor as it was."""
    alone = jax.jit(make_train_step(TINY_RENDERER, replace(PLAIN, motion_only=True), LANDMARKS))
    after, metrics, _ = alone(state, batches[0])
    assert metrics["finite"]
    assert "pixels" not in metrics
    beside = step(state, batches[0])[1]
    for name in ("spread", "depth", "deformation", "pose", "placement", "landmarks", "openings"):
        np.testing.assert_allclose(metrics[name], beside[name], rtol=1e-5)
    assert change(after.weights.params["motion_extractor"], state.weights.params["motion_extractor"]) > 1e-5
    moving = step(state, batches[0])[0]
    after_others = alone(moving, batches[1])[0]  # what is left of their momentum moves nothing
    for name in ("appearance", "warping", "generator"):
        assert change(after.weights.params[name], state.weights.params[name]) == 0, name
        assert change(after.weights.statistics[name], state.weights.statistics[name]) == 0, name
        assert change(after_others.weights.params[name], moving.weights.params[name]) == 0, name


def test_frozen_motion_stays_as_it_is(step, state, batches):
    """Not even momentum of earlier steps moves it, and the rest learns from the same pictures."""
    moving = step(state, batches[0])[0]
    frozen = jax.jit(make_train_step(TINY_RENDERER, replace(PLAIN, motion_frozen=True), LANDMARKS))
    after, metrics, _ = frozen(moving, batches[1])
    assert metrics["finite"]
    assert change(after.weights.params["motion_extractor"], moving.weights.params["motion_extractor"]) == 0
    beside = step(moving, batches[1])[0]
    for name in ("appearance", "warping", "generator"):
        assert change(after.weights.params[name], moving.weights.params[name]) > 1e-5, name
        assert change(after.weights.statistics[name], beside.weights.statistics[name]) < 1e-5, name


def test_a_loss_that_is_not_finite_leaves_the_state_alone(step, state, batches):
    broken = state.replace(weights=jax.tree.map(lambda leaf: leaf * jnp.inf, state.weights))
    after, metrics, _ = step(broken, batches[0])
    assert not metrics["finite"]
    assert after.step == state.step


def test_a_data_set_without_truth_can_be_trained_on(state, batches):
    """In two parts, which batch norms see one at a time."""
    bare = batches[0]._replace(
        state=np.full_like(batches[0].state, np.nan), landmarks=np.zeros((4, 3, 0, 2), np.float32)
    )
    config = replace(TINY_RENDERER, accumulate=2)
    after, metrics, losses = jax.jit(make_train_step(config, PLAIN, Landmarks()))(state, bare)
    assert metrics["finite"]
    assert losses.shape == (4,)
    assert metrics["pose"] == metrics["placement"] == 0
    assert "landmarks" not in metrics
    assert change(after.weights.params["motion_extractor"], state.weights.params["motion_extractor"]) > 1e-5


@pytest.mark.slow
def test_parts_of_a_batch_add_up(state, batches):
    """Batch norms see a part at a time, so only what they do not touch is the same."""
    config = replace(TINY_RENDERER, accumulate=2)
    _, metrics, losses = jax.jit(make_train_step(config, PLAIN, LANDMARKS))(state, batches[0])
    _, whole, whole_losses = jax.jit(make_train_step(TINY_RENDERER, PLAIN, LANDMARKS))(state, batches[0])
    assert losses.shape == whole_losses.shape
    for name in ("pose", "placement", "landmarks", "deformation", "spread"):
        np.testing.assert_allclose(metrics[name], whole[name], rtol=1e-4, err_msg=name)


@pytest.mark.slow
def test_computing_activations_twice_changes_nothing(step, state, batches):
    config = replace(TINY_RENDERER, remat=True)
    _, metrics, _ = jax.jit(make_train_step(config, PLAIN, LANDMARKS))(state, batches[0])
    np.testing.assert_allclose(metrics["loss"], step(state, batches[0])[1]["loss"], rtol=1e-5)
    np.testing.assert_allclose(metrics["grad_norm"], step(state, batches[0])[1]["grad_norm"], rtol=1e-3)


def test_the_average_follows_the_last_steps_at_first_and_keeps_singular_vectors(state):
    moved = jax.tree.map(lambda leaf: leaf + 1, state.weights)
    averaged = update_ema(state.ema, moved, jnp.int32(1), replace(TINY_RENDERER.optimizer, ema=0.999))
    kernel = (
        averaged.params["appearance"]["first"]["conv"]["kernel"]
        - state.ema.params["appearance"]["first"]["conv"]["kernel"]
    )
    np.testing.assert_allclose(kernel, 9 / 11, rtol=1e-4)
    jax.tree.map(
        np.testing.assert_array_equal,
        averaged.statistics["generator"]["spectral"],
        moved.statistics["generator"]["spectral"],
    )


def test_the_learning_rate_rises_stays_and_falls():
    config = replace(
        TINY_RENDERER,
        first=replace(PLAIN, steps=60),
        second=replace(ADVERSARIAL, steps=40),
        optimizer=replace(TINY_RENDERER.optimizer, learning_rate=1.0, warmup_steps=10, cooldown=0.5),
    )
    rate = learning_rate_schedule(config)
    assert [float(rate(step)) for step in (0, 5, 10, 49, 100)] == pytest.approx([0, 0.5, 1, 1, 0], abs=1e-6)
    assert rate(75) == pytest.approx(0.5)


@pytest.mark.parametrize(("warmup", "cooldown"), [(75, 0.4), (0, 1.0), (99, 0.0), (20, 1.0)])
def test_the_learning_rate_comes_down_to_nothing_after_a_long_warm_up_too(warmup, cooldown):
    optimizer = replace(TINY_RENDERER.optimizer, learning_rate=1.0, warmup_steps=warmup, cooldown=cooldown)
    config = replace(
        TINY_RENDERER, first=replace(PLAIN, steps=60), second=replace(ADVERSARIAL, steps=40), optimizer=optimizer
    )
    rate = learning_rate_schedule(config)
    assert [float(rate(step)) for step in (warmup, 100)] == pytest.approx([1, 0], abs=1e-6)


def test_the_steps_teach_where_the_portrait_goes():
    config = replace(
        TINY_RENDERER,
        warping=replace(TINY_RENDERER.warping, flow=True),
        generator=replace(TINY_RENDERER.generator, portrait=True),
        loss=replace(TINY_RENDERER.loss, carried=5.0, painted=0.3),
    )
    batches = RendererBatches(FaceClips(make_face_clips(), cache_gb=0.1), config)
    pictures = next(iter(batches)).pictures
    assert pictures.source.shape == pictures.target.shape[:1] + pictures.target.shape[2:]
    state = initial_state(config)
    step = jax.jit(make_train_step(config, config.first, LANDMARKS))
    before, losses, first = state, [], None
    for _ in range(12):
        state, metrics, _ = step(state, pictures)
        losses.append(float(metrics["pixels"]))
        first = first or metrics
    assert losses[-1] < 0.8 * losses[0]
    assert 0 < metrics["carried"] < first["carried"], "the portrait is carried nearer to where it is to be"
    assert 0 < metrics["painted"] < 0.8 * first["painted"], "what is painted learns too, wherever the mask is"
    for network, layer in (("warping", "surface"), ("generator", "conv_img")):
        new, old = (weights.weights.params[network][layer]["kernel"] for weights in (state, before))
        assert change(new, old) > 1e-5, layer
