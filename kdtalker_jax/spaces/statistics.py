"""Mean and standard deviation of motion over a training set."""

from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class MotionStatistics:
    """Per-quantity mean and standard deviation, in the units of the motion extractor (angles in degrees).

    Lengths: scale, yaw, pitch, roll 1; t 3; exp and kp three per keypoint (x, y, z of each in turn).

    Raises:
        ValueError: other lengths, values that are not finite in float32, or a deviation that is not more than 0.
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

    def __post_init__(self) -> None:
        lengths = {"t": 3, "exp": len(self.exp_mean), "kp": len(self.exp_mean)}
        if not self.exp_mean or len(self.exp_mean) % 3:
            raise ValueError(f"exp_mean has {len(self.exp_mean)} numbers, not three per keypoint")
        for field in fields(self):
            values, length = getattr(self, field.name), lengths.get(field.name.rpartition("_")[0], 1)
            if len(values) != length:
                raise ValueError(f"{field.name} has {len(values)} numbers, not {length}")
            with np.errstate(over="ignore"):
                numbers = np.asarray(values, np.float32)
            usable = np.isfinite(numbers) & (numbers > (0 if field.name.endswith("_std") else -np.inf))
            if not usable.all():
                raise ValueError(f"{field.name} holds {values[int(np.argmin(usable))]}")
