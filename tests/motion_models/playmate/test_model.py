"""A window of motion: what guidance adds up to, what emotions must not touch, and windows that follow each other."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.playmate import SMALL, STATISTICS
from kdtalker_jax.errors import InputError
from kdtalker_jax.motion_models.playmate.controls import Controls, told
from kdtalker_jax.motion_models.playmate.model import Playmate, guided_network, sample_window
from kdtalker_jax.motion_models.playmate.parts import EMOTIONS, PARTS, TRANSFORMER
from kdtalker_jax.motion_models.windows import motion_windows
from kdtalker_jax.seeds import random_key
from tests.motion_models.playmate.heads import SIZES, features, head, swing, variables

NETWORKS = {part.name: part.build(SMALL) for part in PARTS}
PLAIN = Controls()
SAD = Controls(emotion="sad")


@pytest.fixture(scope="module")
def params():
    return variables()


@pytest.fixture(scope="module")
def untrained(params):
    fresh = jax.jit(partial(EMOTIONS.initialise, SMALL))(jax.random.key(0))
    return {**params, EMOTIONS.name: fresh}


@pytest.fixture(scope="module")
def model():
    return Playmate(SMALL)


@pytest.fixture(scope="module")
def rule(model):
    return model.rule("ddim", 2)


@jax.jit
def answers(params, past, heard, x, asked):
    """At time 400."""
    times, answer = guided_network(NETWORKS, params, np.int32([400]), past, heard, asked)
    return answer(x, jax.tree.map(lambda of: of[0], times))


def answered(params, model, controls):
    """The noise in a window that two portraits are asked for, (2, L, 70)."""
    past = model.begin([head(1), head(2)]).past
    random = np.random.default_rng(3)
    past = past._replace(motion=past.motion + random.standard_normal(past.motion.shape).astype(np.float32))
    heard, x = np.stack([features(64, 4), features(64, 5)]), random.standard_normal((2, 64, 70)).astype(np.float32)
    asked = told(controls, 0, SIZES)
    return past, heard, x, np.asarray(answers(params, past, heard, x, asked))


def perform(model, params, rule, controls=PLAIN, frames=100, seed=1, own=None):
    """(T, 70)"""
    rows = features(frames)
    windows = [rows[start : start + 64] for start in range(0, frames, 64)]
    pending = motion_windows(model, params, rule, own or head(), windows, random_key(seed), controls)
    return np.concatenate([window.vectors(model) for window in pending])


def test_the_pose_hears_nothing_of_emotions(params, model):
    """Also at the strongest guidance: equation 8 leaves the pose channels alone."""
    plain = answered(params, model, Controls())[-1]
    felt = answered(params, model, Controls(emotion="angry", emotion_guidance=10))[-1]
    np.testing.assert_allclose(felt[..., :7], plain[..., :7], atol=1e-6)
    assert np.abs(felt[..., 7:] - plain[..., 7:]).max() > 1e-2


def test_without_guidance_it_is_the_plain_model(params, model):
    """Scales of 1: the answer to sound alone, and to sound and emotion."""
    past, heard, x, plain = answered(params, model, Controls(audio_guidance=1.0))

    def asked_once(method, part, *arguments):
        return jax.jit(partial(NETWORKS[part].apply, method=method))(params[part], *arguments)

    tokens = np.concatenate([past.motion, x], axis=1)
    audio = np.concatenate([past.heard, heard], axis=1)
    times = np.int32([400, 400])
    direct = jax.jit(NETWORKS[TRANSFORMER.name].apply)(params[TRANSFORMER.name], tokens, times, audio, past.identity)
    np.testing.assert_allclose(plain, direct, atol=2e-5)

    felt = answered(params, model, Controls(emotion="sad", audio_guidance=1.0, emotion_guidance=1.0))[-1]
    condition = asked_once("hear", TRANSFORMER.name, audio) + (
        asked_once("identify", TRANSFORMER.name, past.identity)
        + asked_once("embed_time", TRANSFORMER.name, times)
    )[:, None]  # fmt: skip
    hidden = asked_once("trunk", TRANSFORMER.name, tokens, condition)
    sad = np.eye(9, dtype=np.float32)[7]
    changed = asked_once("__call__", EMOTIONS.name, hidden, times, np.tile(sad, (2, tokens.shape[1], 1)))
    np.testing.assert_allclose(felt[..., 7:], asked_once("exp", TRANSFORMER.name, changed), atol=2e-5)


@pytest.mark.parametrize(("controls", "module_batch"), [(Controls(), None), (SAD, 3)], ids=["sound", "emotion"])
def test_a_step_takes_two_passes_of_the_trunk(model, controls, module_batch):
    """In one call, on twice the batch, with an emotion as well; the module is asked three times, also in one."""
    asked = []

    class Counted:
        def __init__(self, name):
            self.name = name

        def apply(self, params, x, *rest, method):
            asked.append((method, len(x)))
            return NETWORKS[self.name].apply(params, x, *rest, method=method)

    counted = {name: Counted(name) for name in NETWORKS}
    past = model.begin([head()]).past

    def step(params):
        times, answer = guided_network(
            counted, params, np.int32([400]), past, features(64)[None], told(controls, 0, SIZES)
        )
        return answer(np.zeros((1, 64, 70), np.float32), jax.tree.map(lambda of: of[0], times))

    jax.eval_shape(step, {part.name: part.shapes(SMALL) for part in PARTS})
    assert [batch for method, batch in asked if method == "trunk"] == [2]
    assert [batch for method, batch in asked if method == "change"] == ([module_batch] if module_batch else [])


def test_a_module_that_is_not_trained_changes_no_bit(model, untrained, rule):
    plain = perform(model, untrained, rule, frames=64)
    np.testing.assert_array_equal(perform(model, untrained, rule, Controls(emotion="happy"), frames=64), plain)


def test_sound_alone_does_not_ask_for_the_module(model, params, rule):
    """The same bits with it, without it, and in a model that has none."""
    plain = perform(model, params, rule, frames=64)
    alone = {TRANSFORMER.name: params[TRANSFORMER.name]}
    np.testing.assert_array_equal(perform(model, alone, rule, frames=64), plain)
    without = Playmate(SMALL.without(EMOTIONS.name))
    np.testing.assert_array_equal(perform(without, alone, rule, frames=64), plain)
    with pytest.raises(InputError, match="no emotion module"):
        without.check_controls(SAD)
    without.check_controls(Controls())


def test_a_seed_gives_one_performance_of_any_length_and_one_program(params, rule):
    """Windows go on from each other; a longer recording begins with the same; nothing is compiled twice."""
    traces = []

    def counting(function):
        def traced(*arguments):
            traces.append(1)
            return function(*arguments)

        return jax.jit(traced)

    model = Playmate(SMALL, jit=counting)
    short, long, again = (perform(model, params, rule, frames=frames) for frames in (64, 130, 130))
    assert (short.shape, long.shape) == ((64, 70), (130, 70))
    np.testing.assert_array_equal(long[:64], short)
    np.testing.assert_array_equal(again, long)
    assert np.abs(perform(model, params, rule, frames=64, seed=2) - short).max() > 1e-3
    assert len(traces) == 1
    felt = [perform(model, params, rule, Controls(emotions=text)) for text in ("0 sad", "0 sad, 1 happy, 2 fear")]
    assert np.abs(felt[0] - felt[1]).max() > 1e-3
    assert len(traces) == 2


def test_an_emotion_that_changes_leaves_what_was_before(model, params, rule):
    """Until the window that hears of it: frames of a window see each other."""
    steady, changing = (
        perform(model, params, rule, Controls(emotions=text), frames=128) for text in ("0 sad", "0 sad, 3 angry")
    )
    np.testing.assert_array_equal(steady[:64], changing[:64])
    assert np.abs(steady[64:] - changing[64:])[:, 7:].max() > 1e-3


def test_without_strength_an_emotion_is_row_none(model, params, rule):
    weak = perform(model, params, rule, Controls(emotion="sad", emotion_strength=0), frames=64)
    none = perform(model, params, rule, Controls(emotion="none"), frames=64)
    half = perform(model, params, rule, Controls(emotion="sad", emotion_strength=0.5), frames=64)
    np.testing.assert_allclose(weak, none, atol=1e-5)
    assert np.abs(half - none).max() > 1e-3


def test_the_first_window_begins_with_the_portrait_in_silence(model):
    state = model.begin([head(1), head(2)])
    assert (np.asarray(state.past.heard) == 0).all()
    motion = np.asarray(state.past.motion)
    np.testing.assert_array_equal(motion, motion[:, :1].repeat(SIZES.previous, axis=1))
    assert (motion[..., :7] == 0).all()
    np.testing.assert_allclose(motion[1, 0, 7:], STATISTICS.expression(head(2).motion.exp[0]))
    np.testing.assert_allclose(state.past.pose[0], [1.5, 5, -3, 1, 0.01, -0.02, 0])


def test_the_next_window_rests_on_the_last_frames_and_what_they_heard(model, params, rule):
    state, heard = model.begin([head()]), features(64)[None]
    after, motion = model.window(params, rule, state, heard, Controls(), model.noise(random_key(0)[None], 0))
    assert after.index == 1
    np.testing.assert_array_equal(after.past.heard, heard[:, -SIZES.previous :])
    normalised = np.asarray(after.past.motion)
    spread, own = STATISTICS.vector("pose_spread"), np.asarray(state.past.pose)
    np.testing.assert_allclose(own[:, None] + spread * normalised[..., :7], motion[:, -10:, :7], atol=1e-4)
    np.testing.assert_allclose(
        STATISTICS.vector("exp_mean") + STATISTICS.vector("exp_std") * normalised[..., 7:],
        motion[:, -10:, 7:],
        atol=1e-4,
    )


def test_the_head_moves_around_the_portrait_s_own_pose_as_far_as_asked(model, params, rule):
    own = head()
    still = perform(model, params, rule, Controls(pose_amplitude=0.0), frames=64)
    np.testing.assert_allclose(still[:, :7], np.tile(own.motion.to_vector()[:, :7], (64, 1)), atol=1e-6)
    one, two = (perform(model, params, rule, Controls(pose_amplitude=a), frames=64) for a in (1, 2))
    np.testing.assert_allclose(two[:, :7] - still[:, :7], 2 * (one[:, :7] - still[:, :7]), atol=1e-3)
    np.testing.assert_allclose(two[:, 7:], one[:, 7:], atol=1e-5)


def test_a_given_pose_is_kept_and_told_to_the_expression(model, params, rule):
    """Exactly, played forward and back; what is not given stays free; the expression is drawn to go with it."""
    pose, free = swing(50), perform(model, params, rule)
    held = perform(model, params, rule, Controls(pose=pose))
    there = np.concatenate([np.arange(50), np.arange(48, 0, -1), np.arange(2)])
    np.testing.assert_allclose(held[:, :7], pose.to_vector()[there, :7], atol=1e-5)
    assert np.abs(held[:, 7:] - free[:, 7:]).max() > 1e-4
    yaw = perform(model, params, rule, Controls(pose=pose, pose_axes="yaw"))
    np.testing.assert_allclose(yaw[:, 1], pose.yaw[there], atol=1e-5)
    assert np.abs(yaw[:, 2] - pose.pitch[there]).max() > 1e-2


def test_requests_side_by_side_are_what_they_are_alone(model, params, rule):
    keys = jnp.stack([random_key(seed) for seed in (1, 2)])
    state, heard = model.begin([head(1), head(2)]), np.stack([features(64, 1), features(64, 2)])
    _, both = model.window(params, rule, state, heard, SAD, model.noise(keys, 0))
    for i in range(2):
        _, one = model.window(
            params, rule, model.begin([head(i + 1)]), heard[i : i + 1], SAD, model.noise(keys[i : i + 1], 0)
        )
        np.testing.assert_allclose(both[i], one[0], atol=1e-4)


def test_nothing_is_promoted(params, model, rule):
    """A program around may have forbidden that dtypes and ranks mix."""
    state, heard = model.begin([head()]), features(64)[None]
    asked = told(Controls(emotion="sad", pose=swing(70)), 0, SIZES)
    noise = model.noise(random_key(0)[None], 0)
    sampled = partial(sample_window, NETWORKS, SMALL.diffusion, SMALL.statistics)
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        for sampler in ("ddim", "ddpm"):
            given = (params, model.rule(sampler, 2), state.past, heard, asked, noise)
            _, motion = jax.eval_shape(sampled, *given)
            assert (motion.shape, motion.dtype) == ((1, 64, 70), np.float32)


def test_networks_of_other_widths_do_not_go_together():
    wrong = SMALL.replace(emotion_module=replace(SMALL.emotion_module, width=64))
    names = [part.name for part in PARTS]
    assert Playmate.disagreement(wrong, names) == "width: 32 of diffusion_transformer and 64 of emotion_module"
    assert Playmate.disagreement(wrong, names[:1]) is None
    keypoints = SMALL.replace(diffusion_transformer=replace(SIZES, keypoints=20))
    assert "keypoints: 20" in Playmate.disagreement(keypoints, names)
