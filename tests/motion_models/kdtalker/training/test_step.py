"""One step: what it must not depend on, and what it must not do."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import PUBLISHED_STATISTICS
from kdtalker_jax.motion_models.kdtalker.training.input import Batches, UsableClips
from kdtalker_jax.motion_models.kdtalker.training.loss import Windows, to_examples
from kdtalker_jax.motion_models.kdtalker.training.step import draw, initial_state, make_train_step
from tests.training.synthetic import TINY, make_clips

CONFIG = replace(TINY, audio_noise=1.0)


@pytest.fixture(scope="module")
def windows() -> Windows:
    return next(Batches(UsableClips(make_clips(), 64, TINY.input), TINY)).windows


@pytest.fixture(scope="module")
def state():
    """After the warm-up, so that a step changes something."""
    state = initial_state(CONFIG)
    counted = jax.tree.map(lambda leaf: leaf + 2 if leaf.dtype == jnp.int32 else leaf, state.opt_state)
    return state.replace(step=jnp.int32(2), opt_state=counted)


@pytest.fixture(scope="module")
def step():
    return jax.jit(make_train_step(CONFIG, PUBLISHED_STATISTICS))


def assert_close(actual, expected, tolerance: float) -> None:
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance), actual, expected)


def test_a_step_changes_the_parameters_and_reports_finite_numbers(step, state, windows):
    after, metrics, losses = step(state, windows)
    assert after.step == 3
    assert set(metrics) == {"loss", "expression", "pose", "grad_norm", "learning_rate", "finite"}
    assert metrics["finite"]
    assert losses.shape == (4,)
    np.testing.assert_allclose(losses.mean(), metrics["loss"], rtol=1e-6)
    assert np.abs(after.params["output_projection"]["bias"] - state.params["output_projection"]["bias"]).max() > 1e-5


def test_the_same_step_gives_the_same_bits(step, state, windows):
    jax.tree.map(np.testing.assert_array_equal, step(state, windows), step(state, windows))


def test_random_numbers_go_with_the_position_and_not_with_the_place(step, state, windows):
    """What a sample is told does not depend on which device or process has it."""
    backwards = jax.tree.map(lambda array: array[::-1], windows)
    _, _, losses = step(state, windows)
    _, _, reversed_losses = step(state, backwards)
    np.testing.assert_allclose(reversed_losses[::-1], losses, rtol=1e-5)


def test_accumulation_changes_nothing(step, state, windows):
    whole = step(state, windows)
    accumulated = jax.jit(make_train_step(replace(CONFIG, accumulate=4), PUBLISHED_STATISTICS))(state, windows)
    assert_close(accumulated, whole, 2e-6)


def test_weights_change_what_is_learnt_and_not_what_is_reported(step, state, windows):
    weighted = jax.jit(make_train_step(replace(CONFIG, min_snr=0.05), PUBLISHED_STATISTICS))(state, windows)
    plain = step(state, windows)
    assert_close(weighted[2], plain[2], 1e-6)
    assert weighted[1]["grad_norm"] < 0.9 * plain[1]["grad_norm"]


def test_half_precision_is_near_and_keeps_parameters_in_float32(step, state, windows):
    half = jax.jit(make_train_step(replace(CONFIG, dtype="bfloat16"), PUBLISHED_STATISTICS))
    after, metrics, _ = half(state, windows)
    assert {leaf.dtype for leaf in jax.tree.leaves(after.params)} == {jnp.dtype(jnp.float32)}
    exact = step(state, windows)[1]
    assert metrics["loss"] != exact["loss"], "the arithmetic is in half precision"
    np.testing.assert_allclose(metrics["loss"], exact["loss"], rtol=0.02)
    np.testing.assert_allclose(metrics["grad_norm"], exact["grad_norm"], rtol=0.1)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_leaves_the_state_alone(step, state, windows, value):
    motion = np.array(windows.motion)
    motion[2, 5, 0] = value
    after, metrics, losses = step(state, windows._replace(motion=motion))
    assert not metrics["finite"]
    assert np.isfinite(losses).tolist() == [True, True, False, True]
    jax.tree.map(np.testing.assert_array_equal, after, state)


def test_audio_is_noised_in_seven_steps_of_ten_whatever_else_is_drawn(windows):
    """A stream of its own: times and noise are the same with and without."""
    examples = to_examples(windows, PUBLISHED_STATISTICS)

    def drawn(probability: float):
        return jax.jit(
            jax.vmap(lambda s: draw(replace(TINY, audio_noise=probability), examples, windows.position, s, None))
        )(jnp.arange(400))

    published, times, noise = drawn(0.7)
    changed = (np.asarray(published.audio) != np.asarray(examples.audio)).any(axis=(1, 2, 3))
    assert 0.63 < changed.mean() < 0.77
    _, same_times, same_noise = drawn(0.0)
    np.testing.assert_array_equal(times, same_times)
    np.testing.assert_array_equal(noise, same_noise)
    assert times.min() < 20
    assert times.max() > 980
    assert abs(float(noise.mean())) < 0.01
    assert abs(float(noise.std()) - 1) < 0.01


def test_an_offset_is_added_to_all_frames_of_a_window_alike(windows):
    """Nothing but the offset: the published noise is what it was, and what is added does not change over a window."""
    examples = to_examples(windows, PUBLISHED_STATISTICS)

    def noise_of(offset: float) -> np.ndarray:
        config = replace(TINY, diffusion=replace(TINY.diffusion, noise_offset=offset))
        step = jax.jit(jax.vmap(lambda s: draw(config, examples, windows.position, s, None)[2]))
        return np.asarray(step(jnp.arange(50)))  # (50, B, L, 70)

    added = noise_of(0.5) - noise_of(0.0)
    np.testing.assert_allclose(added, np.broadcast_to(added[:, :, :1], added.shape), atol=1e-5)
    assert abs(added[:, :, 0].std() - 0.5) < 0.02
    assert abs(np.corrcoef(added[:, 0, 0].ravel(), added[:, 1, 0].ravel())[0, 1]) < 0.1, "each window has its own"


def test_without_moving_average_the_state_has_none():
    config = replace(CONFIG, ema=replace(CONFIG.ema, enabled=False))
    assert jax.eval_shape(lambda: initial_state(config)).ema is None
