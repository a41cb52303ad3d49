"""A recording that arrives in pieces gives the frames that the whole gives."""

import itertools

import numpy as np
import pytest

from kdtalker_jax import demo
from kdtalker_jax.errors import InputError

RATE = 16_000
FRAME = 640


def noise_of(samples):
    return np.random.default_rng(samples).normal(0, 0.1, samples).astype(np.float32)


def cut(waveform, size):
    return (waveform[i : i + size] for i in range(0, len(waveform), size))


def joined(motions):
    motions = list(motions)
    vectors, keypoints = ([getattr(motion, name) for motion in motions] for name in ("exp", "keypoints"))
    return np.concatenate(vectors), np.concatenate(keypoints), [len(motion) for motion in motions]


@pytest.fixture(scope="module")
def source(small_model):
    return small_model.prepare(demo.PORTRAITS[0], crop="none")


@pytest.mark.parametrize(("frames", "size"), [(150, 640), (150, 37), (150, 10**6), (66, 641), (64, 5000), (3, 1)])
@pytest.mark.parametrize("relative", [False, True])
def test_motion_is_that_of_the_whole_recording(small_model, source, frames, size, relative):
    """Whatever the chunks; at the ends of windows, where mel windows, wrapped audio and smoothing look ahead."""
    waveform = noise_of(frames * FRAME + 100)
    options = {"sampler": "dpm++", "steps": 3, "relative": relative, "stitch": True}
    whole = small_model.animate(source, waveform, **options)
    exp, keypoints, lengths = joined(small_model.stream_motion(source, cut(waveform, size), **options))
    assert sum(lengths) == frames
    np.testing.assert_allclose(exp, whole.exp, atol=1e-5)
    np.testing.assert_allclose(keypoints, whole.keypoints, atol=1e-5)


@pytest.mark.parametrize("smooth", [False, True, 20.0])
def test_smoothing_holds_frames_back_until_they_are_settled(small_model, source, smooth):
    waveform = noise_of(140 * FRAME)
    whole = small_model.animate(source, waveform, steps=2, smooth=smooth)
    exp, _, lengths = joined(small_model.stream_motion(source, cut(waveform, FRAME), steps=2, smooth=smooth))
    held = {False: 0, True: 5, 20.0: 13}[smooth]
    expected = [64 - held, 64, 12, held]
    assert lengths == [length for length in expected if length]
    np.testing.assert_allclose(exp, whole.exp, atol=1e-5)


def test_stereo_of_another_rate_is_resampled_as_it_comes(small_model, source):
    waveform = np.stack([noise_of(44_100 * 3), noise_of(44_101 * 3)[: 44_100 * 3]], axis=1)
    whole = small_model.animate(source, waveform, rate=44_100, steps=2)
    exp, _, _ = joined(small_model.stream_motion(source, cut(waveform, 1001), rate=44_100, steps=2))
    np.testing.assert_allclose(exp, whole.exp, atol=1e-4)


def test_the_first_motion_comes_once_its_sound_is_there(small_model, source):
    """After 67 frames of sound, and not before."""
    taken = []
    chunks = (taken.append(i) or chunk for i, chunk in enumerate(cut(noise_of(200 * FRAME), FRAME)))
    motion = next(small_model.stream_motion(source, chunks, steps=1))
    assert len(motion) == 64 - 5
    assert len(taken) == 67


def test_frames_are_those_of_the_whole(small_model, source):
    waveform = noise_of(70 * FRAME)
    motion = small_model.animate(source, waveform, steps=2, seed=3)
    whole = np.concatenate(list(small_model.render(source, motion, batch_size=4)))
    batches = list(small_model.stream(source, cut(waveform, 999), batch_size=4, steps=2, seed=3))
    assert all(0 < len(frames) <= 4 for frames in batches)
    assert np.abs(np.concatenate(batches).astype(int) - whole).max() <= 1


def test_noise_can_be_given_and_must_last(small_model, source):
    noise = np.random.default_rng(0).standard_normal((3, 64, 70)).astype(np.float32)
    waveform = noise_of(100 * FRAME)
    whole = small_model.animate(source, waveform, steps=1, initial_noise=noise[:2])
    exp, _, _ = joined(small_model.stream_motion(source, [waveform], steps=1, initial_noise=noise))
    np.testing.assert_allclose(exp, whole.exp, atol=1e-5)
    with pytest.raises(InputError, match="the recording goes on"):
        list(small_model.stream_motion(source, [waveform], steps=1, initial_noise=noise[:1]))
    with pytest.raises(InputError, match="shape"):
        list(small_model.stream_motion(source, [waveform], initial_noise=noise[:, :5]))


@pytest.mark.parametrize("chunks", [[], [np.zeros(0, np.float32)], [np.zeros(300, np.float32)] * 2])
def test_less_than_a_frame_is_refused(small_model, source, chunks):
    with pytest.raises(InputError, match="recording"):
        list(small_model.stream(source, iter(chunks), steps=1))


def test_a_stream_without_end_is_no_trouble(small_model, source):
    """Only what is still needed is kept: taken lazily from an endless recording."""
    endless = itertools.repeat(noise_of(FRAME))
    motions = small_model.stream_motion(source, endless, steps=1)
    assert [len(motion) for motion in itertools.islice(motions, 4)] == [59, 64, 64, 64]
