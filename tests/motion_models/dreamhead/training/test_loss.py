"""What is known in training, and what counts."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.motion_models.dreamhead.training.input import Windows
from kdtalker_jax.motion_models.dreamhead.training.loss import draw, landmark_losses, past_of
from kdtalker_jax.spaces.landmarks.contours import LIPS, rows_of
from tests.motion_models.dreamhead.training.tiny import TINY

LENGTH, SIZE, KNOWN = 24, 486, 4
GIVEN = replace(TINY, known_frames=1.0, audio_dropout=0.0)
FREE = replace(TINY, known_frames=0.0, first_window=0.0, audio_dropout=0.0)
FIRST = replace(TINY, known_frames=0.0, first_window=1.0, audio_dropout=0.0)


class Said:
    """In a network's place: says the same whatever it is told, and remembers that."""

    def __init__(self, answer):
        self.answer, self.told = answer, None

    def apply(self, params, *told):
        self.told = told
        return jnp.broadcast_to(self.answer, told[0].shape)


def windows(count=2, motion=0.0, hidden=()):
    """In the frames `hidden` nobody has seen a face."""
    positions = np.arange(count, dtype=np.int32)
    seen = np.ones((count, LENGTH), np.float32)
    seen[:, list(hidden)] = 0
    return Windows(
        np.full((count, LENGTH, SIZE), motion, np.float32),
        np.zeros((count, SIZE), np.float32),
        np.ones((count, LENGTH, 8), np.float32),
        seen,
        positions,
    )


def losses(config, answer, motion=0.0, hidden=()):
    network = Said(jnp.asarray(answer, jnp.float32))
    return network, landmark_losses(network, config, {}, windows(motion=motion, hidden=hidden), jnp.int32(1))


def test_shares_of_samples_are_given_their_first_frames_or_begin():
    chances = jnp.asarray(np.linspace(0, 0.9999, 1000), jnp.float32)
    past = past_of(TINY, chances)
    known = np.asarray(past.known)
    assert abs(known[:, :KNOWN].mean() - 0.5) < 0.01 and not known[:, KNOWN:].any()
    unheard = 1 - np.asarray(past.heard)
    assert abs(unheard[:, :KNOWN].mean() - 0.2) < 0.01 and not unheard[:, KNOWN:].any()
    assert not (known * unheard).any()
    np.testing.assert_array_equal(past.counted, 1 - known - unheard)


def test_given_frames_are_clean_and_their_places_do_not_count():
    wrong = np.zeros((LENGTH, SIZE))
    wrong[:KNOWN] = 5
    network, found = losses(GIVEN, wrong[None])
    tokens, *_, known = network.told
    assert not np.asarray(tokens)[:, :KNOWN].any()
    assert np.asarray(tokens)[:, KNOWN:].std() > 0.1
    np.testing.assert_array_equal(known[:, :KNOWN], 1)
    np.testing.assert_allclose(found["loss"], 0, atol=1e-6)


def test_the_change_from_the_last_given_frame_counts():
    """All new frames are wrong by 1: each change is right, but for the first."""
    _, found = losses(GIVEN, 1.0)
    np.testing.assert_allclose(found["places"], 1, rtol=1e-5)
    np.testing.assert_allclose(found["changes"], 1 / (LENGTH - KNOWN), rtol=1e-5)
    _, found = losses(FREE, 1.0)
    np.testing.assert_allclose(found["changes"], 0, atol=1e-6)


def test_what_was_before_the_recording_is_neither_heard_nor_judged():
    wrong = np.zeros((LENGTH, SIZE))
    wrong[:KNOWN] = 5
    network, found = losses(FIRST, wrong[None])
    audio = np.asarray(network.told[2])
    assert not audio[:, :KNOWN].any() and audio[:, KNOWN:].all()
    np.testing.assert_allclose(found["loss"], 0, atol=1e-6)
    assert not np.asarray(network.told[-1]).any()


def test_frames_without_a_face_do_not_count():
    """Nor do changes to them and from them, and the others count as much as ever."""
    hidden = range(10, 14)
    wrong = np.zeros((LENGTH, SIZE))
    wrong[hidden] = 5
    assert float(losses(FREE, wrong[None])[1]["loss"][0]) > 1
    np.testing.assert_allclose(losses(FREE, wrong[None], hidden=hidden)[1]["loss"], 0, atol=1e-6)
    np.testing.assert_allclose(losses(FREE, 1.0, hidden=hidden)[1]["places"], 1, rtol=1e-5)
    trembling = (-1.0) ** np.arange(LENGTH)[None, :, None] + np.zeros((1, 1, SIZE))
    np.testing.assert_allclose(losses(FREE, trembling, hidden=hidden)[1]["changes"], 4, rtol=1e-5)


def test_the_change_from_a_given_frame_without_a_face_does_not_count():
    """What is held over there would have to be left by a leap."""
    _, found = losses(GIVEN, 1.0, hidden=range(KNOWN))
    np.testing.assert_allclose(found["places"], 1, rtol=1e-5)
    np.testing.assert_allclose(found["changes"], 0, atol=1e-6)


@pytest.mark.parametrize("config", [FREE, GIVEN, FIRST])
def test_windows_without_any_face_teach_nothing(config):
    def loss(answer):
        return landmark_losses(Said(answer), config, {}, windows(hidden=range(LENGTH)), jnp.int32(1))["loss"].mean()

    value, slope = jax.value_and_grad(loss)(jnp.float32(3))
    assert float(value) == float(slope) == 0


def test_lips_count_twice():
    lips = np.zeros((162, 3))
    lips[rows_of(LIPS)] = 1
    _, of_lips = losses(FREE, lips.reshape(1, 1, -1))
    _, of_others = losses(FREE, (1 - lips).reshape(1, 1, -1))
    count = len(set(LIPS))
    ratio = float(of_lips["places"][0] / of_others["places"][0])
    np.testing.assert_allclose(ratio, 2 * count / (162 - count), rtol=1e-5)
    np.testing.assert_allclose(of_lips["places"] + of_others["places"], 1, rtol=1e-5)


def test_changes_count_as_much_as_they_are_set_to():
    trembling = (-1.0) ** np.arange(LENGTH)[None, :, None] + np.zeros((1, 1, SIZE))
    for velocity in (0.0, 2.0):
        _, found = losses(replace(FREE, velocity=velocity), trembling)
        np.testing.assert_allclose(found["loss"], found["places"] + velocity * found["changes"], rtol=1e-6)
    np.testing.assert_allclose(found["changes"], 4, rtol=1e-5)


def test_sound_is_dropped_in_a_part():
    network = Said(jnp.zeros((), jnp.float32))
    config = replace(FREE, audio_dropout=0.3)
    landmark_losses(network, config, {}, windows(400), jnp.int32(1))
    silent = ~np.asarray(network.told[2]).any(axis=(1, 2))
    assert 0.2 < silent.mean() < 0.4


def test_random_numbers_go_with_position_and_step():
    one, again, later = (jax.jit(lambda step: draw(TINY, windows(8), step))(jnp.int32(step)) for step in (3, 3, 4))
    jax.tree.map(np.testing.assert_array_equal, one, again)
    assert np.abs(np.asarray(one.noise[0] - one.noise[1])).max() > 1
    assert np.abs(np.asarray(one.noise - later.noise)).max() > 1
    assert len(set(np.asarray(one.times).tolist())) > 4
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(one.chances, later.chances)
