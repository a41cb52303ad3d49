"""The audio front end against the recorded published one."""

import librosa
import numpy as np
import pytest

from kdtalker_jax.features.mel import mel_spectrogram, mel_windows
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.rates import num_frames


def test_frames_and_mel_windows_equal_the_published_ones(parity, media):
    with np.load(parity / "expected_seed0.npz") as expected:
        frames, windows = int(expected["audio/num_frames"]), expected["audio/mel_windows"]  # every fifth window
    waveform = load_waveform(media / "audio" / "WDA_BenCardin1_000.wav")
    assert num_frames(len(waveform)) == frames
    result = mel_windows(mel_spectrogram(waveform), 0, frames)[::5]
    assert np.abs(result - windows.reshape(result.shape)).max() < 1e-4 * windows.std()


@pytest.mark.parametrize(
    "name",
    ["WDA_BenCardin1_000", "sad_RD_Radio31_000", "sad_bus_chinese", "sad_chinese_poem2", "sad_imagine"],
)
def test_recordings_load_as_librosa_loads_them(media, name):
    path = media / "audio" / f"{name}.wav"
    expected, _ = librosa.load(path, sr=16_000, mono=True)
    waveform = load_waveform(path)
    assert waveform.shape == expected.shape
    np.testing.assert_allclose(waveform, expected, atol=1e-6)
