"""Mean and standard deviation of motion over a training set."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MotionStatistics:
    """Per-quantity mean and standard deviation, in the units of the motion extractor (angles in degrees).

    Lengths: scale, yaw, pitch, roll 1; t 3; exp and kp three per keypoint (x, y, z of each in turn).
    """

    scale_mean: tuple[float, ...]
    scale_std: tuple[float, ...]
    yaw_mean: tuple[float, ...]
    yaw_std: tuple[float, ...]
    pitch_mean: tuple[float, ...]
    pitch_std: tuple[float, ...]
    roll_mean: tuple[float, ...]
    roll_std: tuple[float, ...]
    t_mean: tuple[float, ...]
    t_std: tuple[float, ...]
    exp_mean: tuple[float, ...]
    exp_std: tuple[float, ...]
    kp_mean: tuple[float, ...]
    kp_std: tuple[float, ...]
