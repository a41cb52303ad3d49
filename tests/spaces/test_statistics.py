"""Statistics are of motion, and can be divided by."""

import dataclasses

import pytest

from configs import PUBLISHED

STATISTICS = {
    "too few": ({"t_mean": (0.0,)}, "t_mean has 1 numbers, not 3"),
    "none": ({"yaw_std": ()}, "yaw_std has 0 numbers"),
    "of no keypoints": ({"exp_mean": ()}, "exp_mean has 0 numbers"),
    "of other keypoints": ({"kp_std": (1.0,) * 60}, "kp_std has 60 numbers, not 63"),
    "a deviation of 0": ({"t_std": (1.0, 0.0, 1.0)}, "t_std holds 0.0"),
    "a negative deviation": ({"scale_std": (-1.0,)}, "scale_std holds -1.0"),
    "0 in float32": ({"scale_std": (1e-60,)}, "scale_std holds 1e-60"),
    "no number": ({"yaw_mean": (float("nan"),)}, "yaw_mean holds nan"),
    "endless in float32": ({"yaw_mean": (1e60,)}, r"yaw_mean holds 1e\+60"),
}


@pytest.mark.parametrize(("change", "message"), STATISTICS.values(), ids=STATISTICS)
def test_statistics_that_nothing_can_be_divided_by(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(PUBLISHED.statistics, **change)
