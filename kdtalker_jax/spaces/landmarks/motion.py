"""How a face's landmarks move, and files of that."""

import os
from dataclasses import dataclass

import numpy as np

from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.files import as_float32, load_motion, write_arrays
from kdtalker_jax.spaces.landmarks.contours import check_count

FARTHEST = 100.0  # eye distances, and units of the picture: nothing of a face goes there


@dataclass(frozen=True, eq=False)
class LandmarkMotion:
    """A face's motion over T frames. Arrays are made float32.

    Attributes:
        offsets: (T, N, 3) from the person's face at rest, in the canonical pose; 1 is the distance of the outer eye
            corners. N is 162 or 478.
        points: (T, N, 3) the landmarks in the picture, once some face has been driven; otherwise None.

    Raises:
        InputError: arrays of other shapes, or values that are no face's.
    """

    offsets: np.ndarray
    points: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name, value in self.arrays().items():
            value = as_float32(value, name)
            object.__setattr__(self, name, value)
            if value.ndim != 3 or value.shape[2] != 3 or not len(value) or value.shape != np.shape(self.offsets):
                raise InputError(f"The motion's {name} has shape {value.shape}, not one of frames, landmarks, x y z.")
            if not np.isfinite(value).all():
                raise InputError(f"The motion's {name} holds values that are not finite.")
            if np.abs(value).max() > FARTHEST:
                raise InputError(f"The motion's {name} holds values beyond +-{FARTHEST}, which are no face's.")
        check_count(self.offsets.shape[1])

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.offsets)

    def __repr__(self) -> str:
        return f"LandmarkMotion of {len(self)} frames and {self.offsets.shape[1]} landmarks"

    def __getitem__(self, frames: "slice | int") -> "LandmarkMotion":
        """Some of the frames, as a motion. Raises IndexError: no such frame. InputError: none at all."""
        if not isinstance(frames, slice):
            frames = range(len(self))[frames]  # also from the end
            frames = slice(frames, frames + 1)
        return LandmarkMotion(**{name: value[frames] for name, value in self.arrays().items()})

    def join(self, *others: "LandmarkMotion") -> "LandmarkMotion":
        """This motion, and others after it; points stay where all have them. Raises InputError: other landmarks."""
        parts = [motion.arrays() for motion in (self, *others)]
        if len({part["offsets"].shape[1] for part in parts}) > 1:
            raise InputError("These motions have other numbers of landmarks: they are of different models.")
        names = [name for name in parts[0] if all(name in part for part in parts)]
        return LandmarkMotion(**{name: np.concatenate([part[name] for part in parts]) for name in names})

    def arrays(self) -> dict[str, np.ndarray]:
        """The attributes that are there, by name."""
        return {"offsets": self.offsets} | ({} if self.points is None else {"points": self.points})

    def save(self, path: str | os.PathLike) -> None:
        """Write a `.npz` file. Raises OutputError where it cannot be written; what was there is then still there."""
        write_arrays(path, self.arrays())

    @classmethod
    def load(cls, path: str | os.PathLike) -> "LandmarkMotion":
        """Read a file that `save` wrote. Nothing in it is run. Raises InputError for any other file."""
        return load_motion(path, cls, ("offsets",), ("points",))
