"""Mouths that follow any recording."""

import numpy as np
import pytest

from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.synthetic.performance import random_performance
from kdtalker_jax.synthetic.recordings import mouth_from_recording, performance_from_recording

FRAMES = 200


def test_the_mouth_found_in_synthetic_speech_is_near_the_true_one():
    found, lips, true, true_lips = [], [], [], []
    for seed in range(8):
        performance = random_performance(seed, FRAMES)
        mouth = mouth_from_recording(performance.waveform)
        found.append(mouth.jaw)
        lips.append(mouth.lip_rounding)
        true.append(performance.states.jaw)
        true_lips.append(performance.states.lip_rounding)
    found, true = np.concatenate(found), np.concatenate(true)
    assert np.corrcoef(found, true)[0, 1] > 0.8
    assert np.corrcoef(np.concatenate(lips), np.concatenate(true_lips))[0, 1] > 0.5
    assert found[true == 0].mean() < 0.05


def test_noise_and_silence_keep_the_mouth_closed():
    noise = 0.01 * np.random.default_rng(0).normal(size=32_000)
    for waveform in (np.zeros(32_000), noise):
        assert mouth_from_recording(waveform).jaw.max() == 0


def test_level_does_not_matter():
    waveform = random_performance(1, FRAMES).waveform
    loud, quiet = mouth_from_recording(waveform), mouth_from_recording(0.05 * waveform)
    np.testing.assert_allclose(loud.jaw, quiet.jaw, atol=0.02)


def test_a_performance_keeps_the_sound_and_lives():
    waveform = random_performance(1, FRAMES).waveform
    performance = performance_from_recording(np.append(waveform, np.zeros(300)), np.random.default_rng(0))
    np.testing.assert_array_equal(performance.waveform, waveform)
    assert all(field.shape == (FRAMES,) and field.dtype == np.float32 for field in performance.states)
    assert performance.states.lid_left.max() > 0.8 and performance.states.yaw.std() > 0.2
    assert len(performance.track.phoneme) == 0


def test_real_recordings_open_the_mouth_with_their_loudness(media):
    files = sorted((media / "audio").glob("*.wav"))
    if not files:
        pytest.skip("needs recordings in media/audio")
    for file in files:
        waveform = load_waveform(file)[: 16_000 * 20]
        jaw = mouth_from_recording(waveform).jaw
        padded = np.pad(waveform, (320, 960))[: len(jaw) * 640]
        loudness = np.sqrt(np.mean(padded.reshape(-1, 640) ** 2, axis=1))
        assert np.corrcoef(jaw, loudness)[0, 1] > 0.6, file.name
        assert jaw[loudness <= np.percentile(loudness, 5)].mean() < 0.1, file.name
