"""The last window of a recording: what it hears after the end is what the model was made for."""

import numpy as np
import pytest

from configs import SMALL
from configs.playmate import SMALL as PLAYMATE
from kdtalker_jax.motion_models.kdtalker.model import KDTalker
from kdtalker_jax.motion_models.playmate.model import Playmate
from kdtalker_jax.motion_models.windows import _whole_windows


@pytest.mark.parametrize(("model", "silent"), [(KDTalker(SMALL), False), (Playmate(PLAYMATE), True)])
def test_the_last_window_is_filled_up(model, silent):
    rows = np.random.default_rng(0).standard_normal((64 + 20, 16)).astype(np.float32)
    (first, of_first), (last, of_last) = _whole_windows(model, [rows[:64], rows[64:]])
    assert (of_first, of_last) == (64, 20)
    np.testing.assert_array_equal(first, rows[:64])
    np.testing.assert_array_equal(last[:20], rows[64:])
    np.testing.assert_array_equal(last[20:], np.zeros((44, 16)) if silent else rows[:44])


def test_a_short_recording_is_one_window():
    rows = np.ones((5, 16), np.float32)
    ((window, own),) = _whole_windows(Playmate(PLAYMATE), [rows])
    assert own == 5
    assert window.shape == (64, 16)
    assert window.sum() == rows.sum()
