"""The numbers that describe a head's motion, 7 + 3 K for each frame, and files of them."""

import os
from dataclasses import dataclass, fields
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.files import as_float32, load_motion, write_arrays
from kdtalker_jax.spaces.statistics import MotionStatistics

# A picture reaches from -1 to 1, and networks, of people and of animals, give scales from 0.5 to 3, displacements below
# 1 and angles of bins that end at 97.5 degrees. What is far beyond any of that moves everything out of the picture.
FARTHEST = dict.fromkeys(("scale", "t", "exp", "keypoints"), 100.0)
FARTHEST_ANGLE = 3600.0  # degrees: ten turns, because angles may have been unwrapped

Array = np.ndarray | jax.Array


class Coefficients(NamedTuple):
    """A motion vector taken apart, in the vector's order. Any leading dimensions, numpy or JAX."""

    scale: Array  # (...,)
    yaw: Array  # (...,) degrees, like pitch and roll
    pitch: Array  # (...,)
    roll: Array  # (...,)
    t: Array  # (..., 3)
    exp: Array  # (..., 3 K): x, y, z of each keypoint in turn


def split(vector: Array) -> Coefficients:
    """(..., 7 + 3 K) -> coefficients. Pure; works under jit."""
    return Coefficients(*(vector[..., i] for i in range(4)), t=vector[..., 4:7], exp=vector[..., 7:])


@dataclass(frozen=True, eq=False)
class Motion:
    """A head's motion over T frames (T = 1: a portrait's own pose). Arrays are made float32.

    Attributes:
        scale: (T,) size of the head.
        yaw, pitch, roll: (T,) degrees.
        t: (T, 3) translation.
        exp: (T, 3 K) displacement of the canonical keypoints by the expression, K = 21 in the published model.
        keypoints: (T, K, 3) the driving keypoints x_d, once some portrait has been driven; otherwise None.

    Raises:
        InputError: arrays of other shapes or of different lengths, or values that are no head's (`FARTHEST`).
    """

    scale: np.ndarray
    yaw: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray
    t: np.ndarray
    exp: np.ndarray
    keypoints: np.ndarray | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                object.__setattr__(self, field.name, as_float32(value, field.name))
        frames, size = np.size(self.scale), np.shape(self.exp)[-1:]
        if not frames or not size or not size[0] or size[0] % 3:
            raise InputError("A motion needs at least one frame and an expression of three numbers per keypoint.")
        shapes = {"t": (frames, 3), "exp": (frames, *size), "keypoints": (frames, size[0] // 3, 3)}
        for field in fields(self):
            value, shape = getattr(self, field.name), shapes.get(field.name, (frames,))
            if value is None:
                continue
            if value.shape != shape:
                raise InputError(f"The motion's {field.name} has shape {value.shape} where {shape} is needed.")
            if not np.isfinite(value).all():
                raise InputError(f"The motion's {field.name} holds values that are not finite.")
            farthest = FARTHEST.get(field.name, FARTHEST_ANGLE)
            if np.abs(value).max() > farthest:
                raise InputError(f"The motion's {field.name} holds values beyond +-{farthest}, which are no head's.")

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.scale)

    def __repr__(self) -> str:
        return f"Motion of {len(self)} frames and {self.exp.shape[1] // 3} keypoints"

    def __getitem__(self, frames: "slice | int") -> "Motion":
        """Some of the frames: `motion[25:50]` is the second second, `motion[0]` a motion of one frame.

        Raises:
            IndexError: there is no such frame. InputError: there is none at all.
        """
        if not isinstance(frames, slice):
            frames = range(len(self))[frames]  # also from the end
            frames = slice(frames, frames + 1)
        return Motion(**{name: value[frames] for name, value in self.arrays().items()})

    def join(self, *others: "Motion") -> "Motion":
        """This motion, and others after it.

        Driving keypoints stay where all of them have some. Raises InputError for motions with other keypoints.
        """
        parts = [motion.arrays() for motion in (self, *others)]
        names = [name for name in parts[0] if all(name in part for part in parts)]
        if len({self.exp.shape[1], *(other.exp.shape[1] for other in others)}) > 1:
            raise InputError("These motions have other numbers of keypoints: they are of different models.")
        return Motion(**{name: np.concatenate([part[name] for part in parts]) for name in names})

    def arrays(self) -> dict[str, np.ndarray]:
        """The attributes that are there, by name."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in arrays.items() if value is not None}

    @classmethod
    def from_vector(cls, vector: Array) -> "Motion":
        """(T, 7 + 3 K) in the units of the motion extractor -> motion."""
        return cls(*split(np.asarray(vector)))

    def to_vector(self) -> np.ndarray:
        """(T, 7 + 3 K): scale, yaw, pitch, roll, t, exp."""
        angles_and_scale = np.stack([self.scale, self.yaw, self.pitch, self.roll], axis=1)
        return np.concatenate([angles_and_scale, self.t, self.exp], axis=1)

    def save(self, path: str | os.PathLike) -> None:
        """Write a `.npz` file with one array per attribute and the version of the format.

        Raises:
            OutputError: the file cannot be written. What was there before is then still there.
        """
        write_arrays(path, self.arrays())

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Motion":
        """Read a file that `save` wrote. Nothing in the file is run.

        Raises:
            InputError: missing file, not a motion file, damaged, or of a newer version.
        """
        needed = tuple(field.name for field in fields(cls) if field.name != "keypoints")
        return load_motion(path, cls, needed, ("keypoints",))


def mean_and_std(statistics: MotionStatistics) -> tuple[np.ndarray, np.ndarray]:
    """Two (7 + 3 K,) float32 vectors in the order of a motion vector."""
    mean, std = (
        np.concatenate([getattr(statistics, f"{name}_{kind}") for name in Coefficients._fields]).astype(np.float32)
        for kind in ("mean", "std")
    )
    return mean, std


def _mean_and_std_of(vector: Array, statistics: MotionStatistics) -> list[np.ndarray]:
    """With the axes of the vector."""
    return [numbers.reshape((1,) * (vector.ndim - 1) + (-1,)) for numbers in mean_and_std(statistics)]


def normalise(vector: Array, statistics: MotionStatistics) -> Array:
    """(..., 7 + 3 K) in the extractor's units -> mean 0 and standard deviation 1 over the training set."""
    mean, std = _mean_and_std_of(vector, statistics)
    return (vector - mean) / std


def denormalise(vector: Array, statistics: MotionStatistics) -> Array:
    """Undo `normalise`."""
    mean, std = _mean_and_std_of(vector, statistics)
    return vector * std + mean


def canonical_token(kp: Array, statistics: MotionStatistics) -> jax.Array:
    """The denoiser's first token, which tells it whose head it moves (KDTalker, section 3.3).

    Args:
        kp: (..., 3 K) canonical keypoints from the motion extractor.

    Returns:
        (..., 7 + 3 K): seven zeros, then the normalised keypoints.
    """
    axes = (1,) * (kp.ndim - 1) + (-1,)
    mean, std = (np.float32(numbers).reshape(axes) for numbers in (statistics.kp_mean, statistics.kp_std))
    normalised = (kp - mean) / std
    return jnp.concatenate([jnp.zeros((*kp.shape[:-1], 7), jnp.float32), normalised], axis=-1)
