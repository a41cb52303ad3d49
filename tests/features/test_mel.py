import tracemalloc

import librosa
import numpy as np
import pytest

from kdtalker_jax.errors import InputError
from kdtalker_jax.features.mel import MelStream, _filterbank, mel_spectrogram, mel_windows, window_batches


def log_mel_in_one_piece(waveform):
    """The definition, one column after the other, over the whole recording."""
    waveform = waveform[: len(waveform) // 640 * 640].astype(np.float64)
    emphasised = [sample - 0.97 * before for sample, before in zip(waveform, [0, *waveform[:-1]], strict=True)]
    padded = np.pad(emphasised, 400)
    hann = np.sin(np.pi * np.arange(800) / 800) ** 2
    bank = librosa.filters.mel(sr=16_000, n_fft=800, n_mels=80, fmin=55, fmax=7600)
    columns = []
    for start in range(0, len(padded) - 799, 200):
        magnitude = np.abs(np.fft.rfft(padded[start : start + 800] * hann))
        level = 20 * np.log10(np.maximum(1e-5, bank @ magnitude)) - 20
        columns.append(np.clip(8 * (level + 100) / 100 - 4, -4, 4))
    return np.array(columns)


def test_the_bands_are_librosas():
    """To the bit: librosa is what the published features were made with, and too heavy to speak with."""
    expected = librosa.filters.mel(sr=16_000, n_fft=800, n_mels=80, fmin=55, fmax=7600)
    np.testing.assert_array_equal(_filterbank(), expected.T)


@pytest.fixture(scope="module")
def noise():
    """13.2 s with a silent stretch: more columns than one block has."""
    waveform = 0.1 * np.random.default_rng(0).standard_normal(211_234).astype(np.float32)
    waveform[50_000:60_000] = 0
    return waveform


@pytest.mark.parametrize("samples", [640, 1279, 1280, 9_999, 204_799, 204_800, 205_440, 211_234])
def test_blocks_equal_the_whole_recording(noise, samples):
    """The lengths lie on both sides of the borders between blocks."""
    mel = mel_spectrogram(noise[:samples])
    assert mel.dtype == np.float32
    np.testing.assert_allclose(mel, log_mel_in_one_piece(noise[:samples]), atol=1e-5)


def test_silence_lies_at_the_floor():
    np.testing.assert_array_equal(mel_spectrogram(np.zeros(16_000, np.float32)), np.full((81, 80), -4))


@pytest.mark.parametrize("samples", [0, 1, 639])
def test_less_than_a_frame_is_refused(samples):
    with pytest.raises(InputError, match="shorter than one video frame"):
        mel_spectrogram(np.zeros(samples, np.float32))


def test_windows_start_where_the_published_ones_do():
    """int(80 (i - 2) / 25), toward zero, clamped at both ends."""
    mel = np.repeat(np.arange(81, dtype=np.float32)[:, None], 80, axis=1)  # each column holds its index
    starts = mel_windows(mel, 0, 8)[:, 0, 0]
    np.testing.assert_array_equal(starts, [0, 0, 0, 3, 6, 9, 12, 16])
    np.testing.assert_array_equal(mel_windows(mel, 0, 1)[0, 5], np.maximum(np.arange(-6, 10), 0))
    np.testing.assert_array_equal(mel_windows(mel, 1, 2)[0, 5], np.maximum(np.arange(-3, 13), 0))
    np.testing.assert_array_equal(mel_windows(mel, 24, 25)[0, 79], np.minimum(np.arange(70, 86), 80))


def test_batches_have_one_shape_and_hold_every_window_for_every_length(noise):
    for frames in range(1, 131):
        mel = mel_spectrogram(noise[: 640 * frames])
        whole = mel_windows(mel, 0, frames)
        assert whole.shape == (frames, 80, 16)
        batches = list(window_batches(mel, frames, 32))
        assert {batch.shape for batch in batches} == {(32, 80, 16)}
        assert len(batches) == -(-frames // 32)
        np.testing.assert_array_equal(np.concatenate(batches)[:frames], whole)


def test_memory_holds_the_columns_and_one_block():
    """Ten minutes: 15 MB of columns, where all frames of the transform at once would take 300 MB."""
    waveform = np.zeros(16_000 * 600, np.float32)
    mel_spectrogram(waveform[:16_000])  # builds the filterbank
    tracemalloc.start()
    assert mel_spectrogram(waveform).shape == (48_001, 80)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60e6


@pytest.mark.parametrize("size", [1, 199, 640, 5000])
def test_pieces_give_the_columns_of_the_whole(size):
    """Each as soon as it is settled: what follows the last whole frame could still be left out."""
    waveform = np.random.default_rng(0).normal(0, 0.1, 20 * 640 + 321).astype(np.float32)
    stream = MelStream()
    pieces = [stream.push(waveform[i : i + size]) for i in range(0, len(waveform), size)]
    assert sum(map(len, pieces)) == (20 * 640 - 400) // 200 + 1
    mel = np.concatenate([*pieces, stream.finish()])
    np.testing.assert_allclose(mel, mel_spectrogram(waveform[: 20 * 640]), atol=1e-6)
