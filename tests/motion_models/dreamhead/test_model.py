"""Windows of landmarks: any number of frames, joined by what they share, and what can be asked for."""

from functools import partial

import jax
import numpy as np
import pytest

from configs.dreamhead import SMALL
from kdtalker_jax.diffusion.config import DiffusionConfig
from kdtalker_jax.errors import InputError
from kdtalker_jax.motion_models.dreamhead.model import Controls, DreamHead
from kdtalker_jax.motion_models.dreamhead.parts import DENOISER
from kdtalker_jax.motion_models.windows import motion_windows, rows_of, windows_together
from kdtalker_jax.seeds import random_key
from kdtalker_jax.spaces.landmarks.contours import MOUTH
from kdtalker_jax.spaces.landmarks.contours import rows_of as landmarks_of
from tests.motion_models.dreamhead.people import SIZES, STATISTICS, face, features, variables

PLAIN = Controls()
NEW = SIZES.new


@pytest.fixture(scope="module")
def params():
    return variables()


@pytest.fixture(scope="module")
def model():
    return DreamHead(SMALL)


@pytest.fixture(scope="module")
def rule(model):
    return model.rule("ddim", 2)


def perform(model, params, rule, controls=PLAIN, frames=100, seed=1, own=None):
    """(T, 486)"""
    rows = features(frames)
    windows = [rows[start : start + NEW] for start in range(0, frames, NEW)]
    pending = motion_windows(model, params, rule, own or face(), windows, random_key(seed), controls)
    return np.concatenate([window.vectors(model) for window in pending])


@pytest.mark.parametrize("frames", [1, 8, 55, 56, 57, 63, 64, 65, 200])
def test_there_are_as_many_frames_as_were_heard(model, params, rule, frames):
    motion = perform(model, params, rule, frames=frames)
    assert motion.shape == (frames, SIZES.motion_size)
    assert np.isfinite(motion).all()


def test_a_longer_recording_begins_with_the_same(model, params, rule):
    np.testing.assert_array_equal(perform(model, params, rule, frames=200)[:NEW], perform(model, params, rule)[:NEW])


def test_a_window_is_given_the_last_frames_before_it(model, params, rule):
    """As they were made, whatever of them is shown."""
    state, heard = model.begin([face()]), features(NEW)[None]
    assert not np.asarray(state.known).any(), "before the first there is nothing"
    key = random_key(3)[None]
    step = partial(model.window, params, rule)
    after, motion = step(state, heard, PLAIN, model.noise(key, 0))
    np.testing.assert_array_equal(after.motion, motion[:, -8:])
    np.testing.assert_array_equal(after.heard, heard[:, -8:])
    assert np.asarray(after.known).all()
    shown, _ = step(state, heard, Controls(moved="mouth"), model.noise(key, 0))
    np.testing.assert_allclose(shown.motion, after.motion, atol=1e-5)
    _, plain = step(after, heard, PLAIN, model.noise(key, 1))
    moved = after._replace(motion=after.motion + 1)
    _, other = step(moved, heard, PLAIN, model.noise(key, 1))
    assert np.abs(np.asarray(other - plain)).max() > 1e-3


def test_what_a_network_remembers_at_its_zeros_is_the_face_at_rest(model, params, rule):
    fresh = jax.jit(partial(DENOISER.initialise, SMALL))(jax.random.key(0))
    motion = perform(model, {DENOISER.name: fresh}, model.rule("ddim", 20), frames=10)
    assert np.abs(motion / STATISTICS.shape("deviation").ravel()).max() < 0.05


def test_units_are_those_of_the_training_set(model):
    deviation = STATISTICS.shape("deviation").ravel()
    np.testing.assert_allclose(model.in_units(np.ones((2, 486), np.float32)), np.stack([deviation] * 2))


def test_the_mouth_may_move_alone(model, params, rule):
    own = face(4)
    whole = perform(model, params, rule, own=own).reshape(-1, 162, 3)
    mouth = perform(model, params, rule, Controls(moved="mouth"), own=own).reshape(-1, 162, 3)
    rows = landmarks_of(MOUTH)
    np.testing.assert_allclose(mouth[:, rows], whole[:, rows], atol=1e-6)
    others = np.setdiff1d(np.arange(162), rows)
    np.testing.assert_allclose(mouth[:, others], np.repeat(own.motion.offsets[:, others], 100, axis=0), atol=1e-6)
    assert np.abs(whole[:, others] - mouth[:, others]).max() > 1e-2


def test_guidance_goes_beyond_the_sound(model, params, rule):
    plain, same, none, more = (
        perform(model, params, rule, Controls(audio_guidance=scale), frames=20) for scale in (1, 1.0, 0, 3)
    )
    np.testing.assert_array_equal(plain, same)
    assert np.abs(more - plain).max() > 1e-3
    assert np.abs(none - plain).max() > 1e-3
    one = perform(model, params, rule, Controls(audio_guidance=1 + 1e-6), frames=20)
    np.testing.assert_allclose(one, plain, atol=1e-4)


def test_recordings_side_by_side_are_as_alone(model, params, rule):
    people, heard = [face(1), face(2)], [features(70, 1), features(20, 2)]
    windows = [[rows[start : start + NEW] for start in range(0, len(rows), NEW)] for rows in heard]
    keys = jax.numpy.stack([random_key(5), random_key(6)])
    rounds = windows_together(model, params, rule, people, windows, keys, PLAIN)
    together = [[], []]
    for found in rounds:
        for place, window in enumerate(found):
            together[place] += [] if window is None else [window.vectors(model)]
    for place, seed in enumerate((5, 6)):
        alone = motion_windows(model, params, rule, people[place], windows[place], random_key(seed), PLAIN)
        alone = np.concatenate([window.vectors(model) for window in alone])
        np.testing.assert_allclose(np.concatenate(together[place]), alone, atol=1e-4)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"moved": "lips"}, "`moved` is one of all, mouth, not 'lips'"),
        ({"audio_guidance": -1}, "`audio_guidance` must be a number from 0 to 10"),
        ({"audio_guidance": float("nan")}, "`audio_guidance`"),
    ],
)
def test_what_it_cannot_be_asked_for_is_refused(asked, message):
    with pytest.raises(InputError, match=message):
        Controls(**asked)


def test_it_predicts_landmarks_and_no_noise():
    with pytest.raises(ValueError, match="the network tells the sample"):
        DreamHead.check(SMALL.replace(diffusion=DiffusionConfig(spacing="cosine")))
    assert rows_of(DreamHead(SMALL)) == NEW == 56
