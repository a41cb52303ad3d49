"""Channels that cancel each other, and numbers that cannot be sound."""

import tracemalloc
import warnings

import numpy as np
import pytest
import soundfile

from kdtalker_jax.errors import InputError
from kdtalker_jax.media.audio import load_waveform, resample_chunks, resample_waveform
from kdtalker_jax.media.video import VideoWriter


def opposite(tone, gain=-1.0, rate=44_100, seconds=3):
    left = tone(seconds, rate)
    return np.concatenate([left, gain * left], axis=1)


def cut(waveform, size):
    return (waveform[i : i + size] for i in range(0, len(waveform), size))


@pytest.mark.parametrize("gain", [-1.0, -0.95, -1.1])
@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_of_channels_that_cancel_each_other_the_louder_is_heard(tmp_path, tone, name, gain):
    both = opposite(tone, gain)
    soundfile.write(tmp_path / name, both, 44_100, subtype="PCM_24")
    loud = resample_waveform(both[:, int(abs(gain) > 1)], 44_100)
    with pytest.warns(UserWarning, match=rf"{name} has channels that cancel each other") as said:
        waveform = load_waveform(tmp_path / name)
    assert len(said) == 1
    np.testing.assert_allclose(waveform, loud, atol=1e-5)
    with pytest.warns(UserWarning, match="The waveform has channels that cancel"):
        np.testing.assert_array_equal(resample_waveform(both, 44_100), loud)


@pytest.mark.parametrize("size", [100, 44_100, 10**6])
@pytest.mark.parametrize("silence", [0, 30_000, 60_000])
def test_the_same_as_it_comes(tone, size, silence):
    """Also after silence; what comes right after a silent first second may be needed to tell."""
    both = np.concatenate([np.zeros((silence, 2), np.float32), opposite(tone)])
    with pytest.warns(UserWarning, match="cancel"):
        whole = resample_waveform(both, 44_100)
    with pytest.warns(UserWarning, match="cancel") as said:
        heard = np.concatenate(list(resample_chunks(cut(both, size), 44_100)))
    assert len(said) == 1
    assert heard.shape == whole.shape
    np.testing.assert_allclose(heard, whole, atol=1e-5 if silence < 44_100 else 0.02)


def test_of_surround_too(tone):
    surround = np.zeros((48_000, 6), np.float32)
    surround[:, :2] = opposite(tone, rate=48_000, seconds=1)
    surround[:, 2:] += 0.2  # an offset that nobody hears
    with pytest.warns(UserWarning, match="cancel"):
        assert np.ptp(resample_waveform(surround, 48_000)) > 0.5


def test_ordinary_channels_give_their_mean_without_a_word(tone):
    noise = np.random.default_rng(0).normal(0, 0.1, (16_000, 32)).astype(np.float32)
    alone = np.zeros((16_000, 32), np.float32)
    alone[:, 7:8] = tone(1, 16_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for waveform in (noise, alone, tone(1, 16_000, 2), np.zeros((16_000, 2)), opposite(tone, -0.7, 16_000, 1)):
            mean = waveform.mean(axis=1, dtype=np.float32)
            np.testing.assert_array_equal(resample_waveform(waveform, 16_000), mean)
            np.testing.assert_array_equal(np.concatenate(list(resample_chunks(cut(waveform, 999), 16_000))), mean)


@pytest.mark.parametrize("value", [1e30, -1e30, 2e3, 3.3e38])
def test_absurd_values_are_refused_before_any_work(tmp_path, tone, value):
    samples = tone(2, 16_000, 2)
    samples[20_000, 1] = value
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT")
    for read in (
        lambda: load_waveform(tmp_path / "a.wav"),
        lambda: resample_waveform(samples, 16_000),
        lambda: list(resample_chunks(cut(samples, 640), 16_000)),
    ):
        with pytest.raises(InputError, match=r"holds values up to .*full scale is 1"):
            read()


@pytest.mark.parametrize("value", [1e30, np.nan, np.inf])
def test_a_video_is_written_whatever_the_values_are(tmp_path, tone, value):
    """Frames that took hours to render are not thrown away for one sample."""
    samples = tone(2, 16_000)
    samples[20_000] = value
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT")
    with VideoWriter(tmp_path / "a.mp4", tmp_path / "a.wav") as writer:
        writer.write(np.zeros((50, 16, 16, 3), np.uint8))
    assert (tmp_path / "a.mp4").exists()


def test_samples_of_16_bits_that_were_not_scaled_are_refused(tone):
    for peak in (100, 32_768):
        with pytest.raises(InputError, match="divide 16-bit samples by 32768"):
            resample_waveform(np.round(tone(1, 16_000) * peak / 0.4), 16_000)


def test_loud_floats_are_sound(tone):
    samples = 50 * tone(1, 16_000)
    np.testing.assert_array_equal(resample_waveform(samples, 16_000), samples[:, 0])


def test_pieces_of_channels_by_samples_are_refused(tone):
    samples = tone(1, 16_000, 2)
    for pieces in (
        [piece.T for piece in cut(samples, 960)],
        [samples[:960], samples[960:1920].T],
        [samples[:960, 0], samples[960:]],
        [samples[:0].T],
        [samples[:, :1].T],
    ):
        with pytest.raises(InputError, match="must have shape"):
            list(resample_chunks(iter(pieces), 16_000))


def test_short_pieces_of_samples_by_channels_are_none_of_those(tone):
    samples = tone(1, 16_000, 2)
    pieces = [samples[:1], samples[1:4], samples[:0], np.zeros(0), samples[4:]]
    np.testing.assert_array_equal(np.concatenate(list(resample_chunks(pieces, 16_000))), samples.mean(axis=1))
    many = np.repeat(samples, 8, axis=1)
    assert len(np.concatenate(list(resample_chunks([many[:-3], many[-3:]], 16_000)))) == 16_000
    mono = [samples[:1, :1], samples[1:, :1]]
    np.testing.assert_array_equal(np.concatenate(list(resample_chunks(mono, 16_000))), samples[:, 0])


def test_an_array_that_cancels_is_not_copied_whole(tone):
    both = np.tile(opposite(tone, rate=192_000), (10, 1))  # 46 MB
    tracemalloc.start()
    with pytest.warns(UserWarning, match="cancel"):
        resample_waveform(both, 192_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10e6
