"""What a head of the synthetic world does, frame by frame."""

from typing import NamedTuple

import jax
import numpy as np

Array = np.ndarray | jax.Array


class FaceState(NamedTuple):
    """Float32 arrays with the same leading dimensions, usually (F,) frames. Works as a pytree under `vmap`.

    The pose turns as `spaces.geometry.rotation_matrix` does; positions are in picture coordinates, -1 to 1, y down.
    """

    yaw: Array  # degrees, like pitch and roll
    pitch: Array
    roll: Array
    x: Array  # of the head's centre; 0: the middle of the picture
    y: Array
    size: Array  # of the head; 1: as a portrait's cut shows it
    jaw: Array  # 0 lips closed .. 1 wide open
    lip_width: Array  # -1 narrow .. 1 spread
    lip_rounding: Array  # 0 .. 1 pursed and protruding
    lid_left: Array  # 0 open .. 1 closed; left and right as seen in the picture
    lid_right: Array
    brows: Array  # -1 lowered .. 1 raised
    gaze_x: Array  # -1 .. 1, to the right in the picture
    gaze_y: Array  # -1 .. 1, down


def neutral_state(frames: int = 1) -> FaceState:
    """A head that looks straight ahead with its mouth closed: (frames,) each."""
    zeros = np.zeros(frames, np.float32)
    return FaceState(*(zeros for _ in FaceState._fields))._replace(size=zeros + 1)
