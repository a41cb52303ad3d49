"""Features of Wav2Lip's encoder: the same by windows as of the whole recording."""

import numpy as np
import pytest


@pytest.mark.parametrize("size", [1, 2, 64])
def test_windows_of_any_length_make_up_the_whole(small_model, size):
    """Of one frame as well, where a window begins before the recording does."""
    waveform = np.random.default_rng(size).normal(0, 0.1, 9 * 640).astype(np.float32)
    features = small_model.features
    pieces = np.array_split(waveform, 4)
    windows = np.concatenate([np.asarray(rows) for rows in features.windows(small_model.params, pieces, size)])
    np.testing.assert_allclose(windows[:9], features.fields(small_model.params, waveform, 9)["audio"], atol=1e-5)
