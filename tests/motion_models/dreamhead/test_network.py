"""The audio-to-landmark network: what is heard where, and what it says before it has learnt."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.dreamhead import SMALL
from kdtalker_jax.motion_models.dreamhead.config import LandmarkDenoiserConfig
from kdtalker_jax.motion_models.dreamhead.parts import DENOISER
from tests.motion_models.dreamhead.people import SIZES, WIDTH, features, variables

NETWORK = DENOISER.build(SMALL)
LENGTH, SIZE = SIZES.window, SIZES.motion_size


@pytest.fixture(scope="module")
def params():
    return variables()[DENOISER.name]


@jax.jit
def answer(params, tokens, audio, known):
    identity = jnp.full((len(tokens), SIZE), 0.1, jnp.float32)
    return NETWORK.apply(params, tokens, jnp.full(len(tokens), 300), audio, identity, known)


def given(seed=0):
    random = np.random.default_rng(seed)
    tokens = random.standard_normal((1, LENGTH, SIZE)).astype(np.float32)
    return tokens, features(LENGTH)[None], np.zeros((1, LENGTH), np.float32)


def test_it_says_nothing_at_first():
    fresh = jax.jit(partial(DENOISER.initialise, SMALL))(jax.random.key(0))
    assert not np.asarray(answer(fresh, *given())).any(), "the face at rest"


def test_a_frame_hears_its_neighbours_within_reach(params):
    heard = jax.jit(lambda audio: NETWORK.apply(params, audio, method="hear"))
    rows = features(LENGTH)[None]
    changed = rows.copy()
    changed[0, 20] += 1
    frames = np.flatnonzero(np.abs(np.asarray(heard(changed) - heard(rows))).max(axis=(0, 2)) > 1e-6)
    np.testing.assert_array_equal(frames, [18, 19, 20, 21, 22])


def test_sound_reaches_the_frames_beyond_by_attention_alone(params):
    tokens, audio, known = given()
    changed = audio.copy()
    changed[0, 20] += 1
    difference = np.abs(np.asarray(answer(params, tokens, changed, known) - answer(params, tokens, audio, known)))
    of_frames = difference.max(axis=(0, 2))
    assert of_frames[20] > 1e-2
    others = np.delete(of_frames, range(18, 23))
    # There is one temporal unit, before the one mapping unit: nothing carries sound on.
    assert others.max() < 1e-6


def test_it_looks_back_and_ahead_and_knows_what_is_given(params):
    tokens, audio, known = given()
    plain = np.asarray(answer(params, tokens, audio, known))
    for frame in (0, LENGTH - 1):
        changed = tokens.copy()
        changed[0, frame] += 1
        assert np.abs(np.asarray(answer(params, changed, audio, known)) - plain)[0, 30].max() > 1e-5
    known[0, :8] = 1
    assert np.abs(np.asarray(answer(params, tokens, audio, known)) - plain)[0, 30].max() > 1e-5


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"points": 68}, "points is 68, not 162 or 478"),
        ({"previous": 64}, "previous, 64, is not less than window, 64"),
        ({"width": 30, "heads": 4}, "width, 30, is no multiple"),
    ],
)
def test_sizes_that_cannot_be_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        LandmarkDenoiserConfig(**sizes)


def test_features_are_as_wide_as_they_are_said_to_be(params):
    tokens, audio, known = given()
    with pytest.raises(AssertionError, match=str(WIDTH)):
        answer(params, tokens, audio[..., 1:], known)
