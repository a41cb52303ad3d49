"""What device and host do at the same time: nothing waits that need not, and recordings share calls."""

import itertools
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax import demo
from kdtalker_jax.animation import Animation
from kdtalker_jax.batching import made_ahead
from kdtalker_jax.errors import InputError
from kdtalker_jax.motion_models.kdtalker.model import KDTalker

FRAME = 640  # samples at 16 kHz
HOW = {"sampler": "dpm++", "steps": 2}
PATIENCE = 60  # seconds; only what is wrong takes them


def noise_of(frames):
    return np.random.default_rng(frames).normal(0, 0.1, frames * FRAME).astype(np.float32)


def in_frames(waveform):
    return (waveform[i : i + FRAME] for i in range(0, len(waveform), FRAME))


@pytest.fixture(scope="module")
def source(small_model):
    return small_model.prepare(demo.PORTRAITS[0], crop="none")


@jax.jit
def busy(rounds, rows):
    """The rows, once the device has worked for so many rounds."""
    work = jax.lax.fori_loop(0, rounds, lambda _, x: jnp.sin(x @ x), jnp.ones((128, 128)))
    return jnp.where(work.sum() == jnp.inf, 0, rows)


def test_windows_are_begun_without_waiting_for_what_they_hear(small_model, source, monkeypatch):
    """On a device that takes long to hear. Whoever waited for it between two windows would leave it idle afterwards."""
    recording, asked, performer = noise_of(3 * 64 + 10), Animation(**HOW), small_model._performer
    expected = np.concatenate([performer.vectors(w) for w in performer.perform(source, [recording], asked, None)])
    silence = np.zeros((64, small_model.motion_model.hears.width), np.float32)
    busy(1, silence).block_until_ready()  # compiles
    began = time.monotonic()
    busy(200, silence).block_until_ready()
    rounds = int(200 * 5 / (time.monotonic() - began))  # 5 s for each window
    encode = small_model.features._encode
    monkeypatch.setattr(small_model.features, "_encode", lambda params, mel: busy(rounds, encode(params, mel)))
    pending = performer.perform(source, [recording], asked, None)
    begun = list(itertools.islice(pending, 3))
    assert not begun[-1].heard.is_ready()
    vectors = [performer.vectors(window) for window in [*begun, *pending]]
    np.testing.assert_array_equal(np.concatenate(vectors), expected)


def test_the_next_window_is_made_while_one_is_rendered(small_model, source):
    """Its sound is taken before all frames of the one before are; and no more than that one's."""
    taken, enough = 0, threading.Event()

    def microphone():
        nonlocal taken
        for chunk in in_frames(noise_of(5 * 64)):
            taken += 1
            if taken > 67:
                enough.set()
            yield chunk

    frames = small_model.stream(source, microphone(), batch_size=8, **HOW)
    assert taken == 0, "nothing is taken before frames are asked for"
    next(frames)
    assert enough.wait(PATIENCE), "the sound of the second window"
    time.sleep(0.5)
    assert taken <= 64 + 67, "and not that of the third"
    rest = sum(map(len, frames))
    assert rest == 5 * 64 - 8


def test_what_is_made_ahead_keeps_its_order_and_its_errors():
    assert list(made_ahead(iter(range(5)))) == list(range(5))
    assert list(made_ahead([])) == []

    def failing():
        yield 1
        raise InputError("no more")

    items = made_ahead(failing())
    assert next(items) == 1
    with pytest.raises(InputError, match="no more"):
        next(items)


def test_who_stops_early_waits_for_nothing():
    """Neither for sound that never comes."""
    never, begun = threading.Event(), threading.Event()

    def microphone():
        yield 1
        begun.set()
        never.wait(PATIENCE)

    items = made_ahead(microphone())
    assert next(items) == 1
    assert begun.wait(PATIENCE)
    started = time.monotonic()
    items.close()
    assert time.monotonic() - started < PATIENCE / 2
    never.set()


@pytest.fixture
def calls(small_model, monkeypatch):
    """The rows of each call of the motion model."""
    made, window = [], KDTalker.window

    def counted(self, params, rule, state, features, controls, noise):
        made.append(len(features))
        return window(self, params, rule, state, features, controls, noise)

    monkeypatch.setattr(KDTalker, "window", counted)
    return made


def test_recordings_share_calls(small_model, source, calls):
    """Of other lengths and seeds; one ends with a whole window, one within, one before its first."""
    recordings = [noise_of(frames) for frames in (128, 150, 10)]
    seeds = [5, 0, 7]
    together = small_model.animate_together([source] * 3, recordings, seeds=seeds, rate=16_000, **HOW)
    assert calls == [3, 3, 3]
    for motion, recording, seed in zip(together, recordings, seeds, strict=True):
        alone = small_model.animate(source, recording, rate=16_000, seed=seed, **HOW)
        assert len(motion) == len(alone)
        np.testing.assert_allclose(motion.to_vector(), alone.to_vector(), rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(motion.keypoints, alone.keypoints, atol=1e-5)


@pytest.mark.parametrize(
    ("portraits", "options", "words"),
    [
        (1, {}, "Each recording needs a portrait"),
        (2, {"seeds": [1]}, "Each recording needs a portrait"),
        (2, {"initial_noise": np.zeros((1, 64, 70))}, "take `seeds`"),
    ],
)
def test_uneven_requests_are_refused(small_model, source, portraits, options, words):
    with pytest.raises(InputError, match=words):
        small_model.animate_together([source] * portraits, [noise_of(3)] * 2, rate=16_000, **options)
