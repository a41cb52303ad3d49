"""Adaptive normalisation (section 3.2): the expression by the whole training set, the pose by each clip alone."""

from dataclasses import dataclass, fields

import numpy as np

from kdtalker_jax.motion_models.playmate.config import POSE

# Least deviations of a clip's scale, yaw, pitch, roll and t: a head that is held still has none of its own.
FLOORS = np.float32([1e-4, 0.1, 0.1, 0.1, 1e-4, 1e-4, 1e-4])


@dataclass(frozen=True)
class AdaptiveStatistics:
    """Of a training set, in the units of the motion extractor.

    Attributes:
        exp_mean, exp_std, kp_mean, kp_std: (3 K,) over all frames of all clips.
        pose_spread: (7,) of scale, yaw, pitch, roll and t: the median of clips' own deviations.

    Raises:
        ValueError: other lengths, values that are not finite in float32, or a deviation that is not more than 0.
    """

    exp_mean: tuple[float, ...]
    exp_std: tuple[float, ...]
    kp_mean: tuple[float, ...]
    kp_std: tuple[float, ...]
    pose_spread: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.exp_mean or len(self.exp_mean) % 3:
            raise ValueError(f"exp_mean has {len(self.exp_mean)} numbers, not three per keypoint")
        for field in fields(self):
            values, length = getattr(self, field.name), POSE if field.name == "pose_spread" else len(self.exp_mean)
            if len(values) != length:
                raise ValueError(f"{field.name} has {len(values)} numbers, not {length}")
            with np.errstate(over="ignore"):
                numbers = np.asarray(values, np.float32)
            usable = np.isfinite(numbers) & (numbers > (-np.inf if field.name.endswith("_mean") else 0))
            if not usable.all():
                raise ValueError(f"{field.name} holds {values[int(np.argmin(usable))]}")

    def vector(self, name: str) -> np.ndarray:
        """One of the attributes as float32."""
        return np.asarray(getattr(self, name), np.float32)

    def expression(self, exp: np.ndarray) -> np.ndarray:
        """Normalises displacements (..., 3 K)."""
        return ((exp - self.vector("exp_mean")) / self.vector("exp_std")).astype(np.float32)

    def identity(self, canonical: np.ndarray) -> np.ndarray:
        """Normalises canonical keypoints (..., 3 K)."""
        return ((canonical - self.vector("kp_mean")) / self.vector("kp_std")).astype(np.float32)


def pose_statistics(pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation (7,) of a clip's pose (T, 7), the latter not below `FLOORS`; float32."""
    pose = np.asarray(pose, np.float64)
    return pose.mean(axis=0).astype(np.float32), np.maximum(pose.std(axis=0), FLOORS).astype(np.float32)
