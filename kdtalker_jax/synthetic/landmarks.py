"""Where the features of a drawn head are in its picture: the truth that measurements are held against."""

import jax
import jax.numpy as jnp

from kdtalker_jax.data.landmarks import LANDMARKS
from kdtalker_jax.synthetic.anatomy import JAW_DROP, mouth_of, nose_tip, on_face
from kdtalker_jax.synthetic.curves import GAZE_X, GAZE_Y, brow_ends, eye_opening, mouth_corners
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.state import State
from kdtalker_jax.synthetic.view import in_picture


def head_points(person: Person, state: State) -> jax.Array:
    """The landmarks on the unturned head: (L, 3) in head units, with the mouth, lids and gaze as the state has them."""
    mouth = mouth_of(person, state)
    eye_x, eye_y = person.eye_distance, person.eye_height
    (left_upper, left_lower), (right_upper, right_lower) = (
        eye_opening(person, state, lid) for lid in (state.lid_left, state.lid_right)
    )
    left_corner, right_corner = mouth_corners(mouth)
    brows = [end for side in (-1, 1) for end in brow_ends(person, state, side)]
    gaze_x, gaze_y = GAZE_X * state.gaze_x, GAZE_Y * state.gaze_y
    points = jnp.stack(
        [
            jnp.stack([jnp.float32(x), jnp.float32(y)])
            for x, y in (
                (-mouth.width, left_corner),
                (mouth.width, right_corner),
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
                *brows,
            )
        ]
    )  # (L, 2)
    return on_face(person, state, points[:, 0], points[:, 1])


def landmarks(person: Person, state: State) -> jax.Array:
    """The landmarks of one frame in the picture, in the order of LANDMARKS: (L, 2) x and y, -1 to 1, y down."""
    return in_picture(person, state, head_points(person, state))[0]


def mouth_opening(person: Person, state: State) -> jax.Array:
    """Height of the gap between the inner lips, in the middle, as the picture shows it: () in picture units."""
    points = landmarks(person, state)
    upper, lower = points[LANDMARKS.index("inner upper lip")], points[LANDMARKS.index("inner lower lip")]
    return jnp.linalg.norm(lower - upper)
