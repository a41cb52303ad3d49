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


class Expression(NamedTuple):
    """What feelings do to a face, as `FaceState` holds what speech and looking do. Left and right as in the picture."""

    corner_left: Array  # of the mouth: -1 pulled down .. 1 smiling
    corner_right: Array
    inner_brows: Array  # -1 drawn down and together .. 1 raised
    outer_brows: Array
    widen: Array  # lids, 0 .. 1 staring
    squint: Array  # lower lids, 0 .. 1
    nose_wrinkle: Array  # with the upper lip raised, 0 .. 1
    cheeks: Array  # 0 .. 1 lifted
    press: Array  # lips, 0 .. 1 pressed to a line


class FeelingState(NamedTuple):
    """The fields of `FaceState`, then those of `Expression`. Whatever takes a `FaceState` takes it."""

    yaw: Array
    pitch: Array
    roll: Array
    x: Array
    y: Array
    size: Array
    jaw: Array
    lip_width: Array
    lip_rounding: Array
    lid_left: Array
    lid_right: Array
    brows: Array
    gaze_x: Array
    gaze_y: Array
    corner_left: Array
    corner_right: Array
    inner_brows: Array
    outer_brows: Array
    widen: Array
    squint: Array
    nose_wrinkle: Array
    cheeks: Array
    press: Array


State = FaceState | FeelingState


def expression_of(state: State) -> Expression | None:
    """The part that feelings move; None where a face has none."""
    if isinstance(state, FaceState):
        return None
    return Expression(*state[len(FaceState._fields) :])


def at_rest(states: State) -> State:
    """The same poses, with faces that neither speak, look about nor feel."""
    pose = ("yaw", "pitch", "roll", "x", "y", "size")
    return states._replace(**{name: np.zeros_like(states.jaw) for name in states._fields if name not in pose})


def neutral_state(frames: int = 1) -> FaceState:
    """A head that looks straight ahead with its mouth closed: (frames,) each."""
    zeros = np.zeros(frames, np.float32)
    return FaceState(*(zeros for _ in FaceState._fields))._replace(size=zeros + 1)
