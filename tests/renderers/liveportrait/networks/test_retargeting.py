"""Stitching and retargeting read and write keypoints in the right places."""

import jax
import numpy as np

from configs import SMALL
from tests.networks import PARTS


def test_stitching_adds_deltas_and_one_shift_in_x_and_y(small_variables):
    """With all weights zero only the last bias speaks: 63 deltas, then dx and dy for every keypoint."""
    variables = jax.tree.map(np.zeros_like, small_variables["retargeting"])
    bias = np.arange(65, dtype=np.float32)
    variables["params"]["stitching"]["layer_2"]["bias"] = bias
    driving = np.random.default_rng(0).standard_normal((2, 21, 3)).astype(np.float32)
    out = PARTS["retargeting"].build(SMALL).apply(variables, np.zeros_like(driving), driving, method="stitch")
    expected = driving + bias[:63].reshape(21, 3) + np.array([63, 64, 0])
    np.testing.assert_allclose(out, expected, rtol=1e-6)
