"""What diffusion adds: plain noise unless an offset is asked for, and then the offset alone on top."""

import jax
import numpy as np
import pytest

from kdtalker_jax.diffusion.noise import window_noise


@pytest.mark.parametrize("shape", [(64, 70), (9, 64, 70)])
def test_an_offset_is_shared_by_the_frames_of_a_window_alone(shape):
    key = jax.random.key(3)
    plain = window_noise(key, shape, 0.0)
    np.testing.assert_array_equal(plain, jax.random.normal(key, shape))
    added = np.asarray(window_noise(key, shape, 0.5) - plain)
    np.testing.assert_allclose(added, np.broadcast_to(added[..., :1, :], shape), atol=1e-5)
    assert abs(added[..., 0, :].std() - 0.5) < 0.1
    assert len(np.unique(added[..., 0, :].round(4))) > 0.95 * added[..., 0, :].size, (
        "each window and channel has its own"
    )
