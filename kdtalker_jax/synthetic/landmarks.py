"""Where the features of a drawn head are in its picture: the truth that measurements are held against."""

import jax
import jax.numpy as jnp

from kdtalker_jax.data.landmarks import LANDMARKS
from kdtalker_jax.synthetic.anatomy import JAW_DROP, PICTURE_UNITS, head_rotation, mouth_of, nose_tip, on_face
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.skin import GAZE_X, GAZE_Y, eye_opening
from kdtalker_jax.synthetic.state import FaceState


def head_points(person: Person, state: FaceState) -> jax.Array:
    """The landmarks on the unturned head: (L, 3) in head units, with the mouth, lids and gaze as the state has them."""
    mouth = mouth_of(person, state)
    eye_x, eye_y = person.eye_distance, person.eye_height
    (left_upper, left_lower), (right_upper, right_lower) = (
        eye_opening(person, lid) for lid in (state.lid_left, state.lid_right)
    )
    gaze_x, gaze_y = GAZE_X * state.gaze_x, GAZE_Y * state.gaze_y
    points = jnp.stack(
        [
            jnp.stack([jnp.float32(x), jnp.float32(y)])
            for x, y in (
                (-mouth.width, mouth.corner),
                (mouth.width, mouth.corner),
                (0, mouth.inner_upper),
                (0, mouth.inner_lower),
                (0, mouth.outer_upper),
                (0, mouth.outer_lower),
                (-eye_x, eye_y + left_upper),
                (-eye_x, eye_y + left_lower),
                (eye_x, eye_y + right_upper),
                (eye_x, eye_y + right_lower),
                (gaze_x - eye_x, eye_y + gaze_y),
                (gaze_x + eye_x, eye_y + gaze_y),
                (0, nose_tip(person)),
                (0, 0.9 + JAW_DROP * state.jaw),
            )
        ]
    )  # (L, 2)
    return on_face(person, state, points[:, 0], points[:, 1])


def landmarks(person: Person, state: FaceState) -> jax.Array:
    """The landmarks of one frame in the picture, in the order of LANDMARKS: (L, 2) x and y, -1 to 1, y down."""
    seen = head_points(person, state) @ head_rotation(state)  # (L, 3)
    middle = jnp.stack([jnp.float32(state.x), jnp.float32(state.y)])
    return seen[:, :2] * PICTURE_UNITS * state.size + middle[None]


def mouth_opening(person: Person, state: FaceState) -> jax.Array:
    """Height of the gap between the inner lips, in the middle, as the picture shows it: () in picture units."""
    points = landmarks(person, state)
    upper, lower = points[LANDMARKS.index("inner upper lip")], points[LANDMARKS.index("inner lower lip")]
    return jnp.linalg.norm(lower - upper)
