"""Reads mouth and eyes from pictures of a person of the synthetic world whom it has seen drawn in many states.

Kernel ridge regression on pixels, solved at once and for each person anew: it has no part in the model that is judged,
and knows the truth of what it learnt from. First it finds the mouth and the eyes, then it reads them, cut out upright.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import cv2
import jax
import numpy as np

from kdtalker_jax.data.landmarks import LANDMARKS
from kdtalker_jax.synthetic.anatomy import mouth_of
from kdtalker_jax.synthetic.drawing import draw_frames
from kdtalker_jax.synthetic.landmarks import landmarks
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.performance import random_states
from kdtalker_jax.synthetic.state import FaceState

SIZE = 96  # pixels of a picture's side
_SMALL, _CUT = 24, 20  # of the picture that the parts are found in, and of a part that is cut out
_HALF_SIDE = {"mouth": 0.75, "left eye": 0.38, "right eye": 0.38}  # of a cut, in distances from the eyes to the mouth
_BELOW = {"mouth": 0.14, "left eye": 0.0, "right eye": 0.0}  # the same, of its middle below the part's
_MODERATE = 0.7  # poses of performances, as part of the widest
_ROUNDING_ERRORS = 0.015  # picture units by which parts are found beside their places
_RIDGE = 1e-3

Regression = Callable[[np.ndarray], np.ndarray]


class Reading(NamedTuple):
    """(F,) each."""

    opening: np.ndarray  # gap between the lips, in head units
    lid_left: np.ndarray  # as in FaceState
    lid_right: np.ndarray


class FaceProbe:
    """Of one person. `states` drawings are made for it, of other states than any that is measured.

    `camera` places states in the picture as those that are measured are placed.
    """

    def __init__(
        self, person: Person, states: int = 400, seed: int = 1, camera: Callable[[FaceState], FaceState] = lambda s: s
    ) -> None:
        rng = np.random.default_rng([seed, 77])
        acted = random_states(rng, states)
        acted = acted._replace(
            **{name: _MODERATE * getattr(acted, name) for name in ("yaw", "pitch", "roll", "x", "y")},
            size=1 + _MODERATE * (acted.size - 1),
        )
        acted = camera(acted)
        pictures = shrunk(draw_frames(person, acted, SIZE))
        places = _places(person, acted)  # (n, 3, 2)
        self._find = _kernel_ridge(_overview(pictures), places.reshape(states, 6))
        found = places + rng.normal(0, _ROUNDING_ERRORS, places.shape)
        truth = true_reading(person, acted)
        self._read = [
            _kernel_ridge(_cuts(pictures, found, part), values[:, None])
            for part, values in zip(_HALF_SIDE, truth, strict=True)
        ]

    def __call__(self, frames: Iterable[np.ndarray]) -> Reading:
        """Of uint8 RGB pictures of any one size, (F, H, H, 3)."""
        pictures = shrunk(frames)
        found = self._find(_overview(pictures)).reshape(-1, 3, 2)
        return Reading(
            *(read(_cuts(pictures, found, part))[:, 0] for part, read in zip(_HALF_SIDE, self._read, strict=True))
        )


def true_reading(person: Person, states: FaceState) -> Reading:
    """What a perfect probe reads: (F,) each."""
    mouth = mouth_of(person, states)
    return Reading(np.asarray(mouth.inner_lower - mouth.inner_upper), states.lid_left, states.lid_right)


def shrunk(frames: Iterable[np.ndarray]) -> np.ndarray:
    """Pictures of the probe's size, (F, SIZE, SIZE, 3) uint8; smaller ones are enlarged."""
    return np.stack([cv2.resize(frame, (SIZE, SIZE), interpolation=cv2.INTER_AREA) for frame in frames])


def _places(person: Person, states: FaceState) -> np.ndarray:
    """Middles of the resting mouth and the eyes in the picture, wherever lips and lids are: (F, 3, 2)."""
    zeros = np.zeros_like(states.jaw)
    resting = dict.fromkeys(("jaw", "lip_width", "lip_rounding", "lid_left", "lid_right"), zeros)
    points = np.asarray(_landmarks(person, states._replace(**resting)))  # (F, L, 2)

    def middle(*names: str) -> np.ndarray:
        return points[:, [LANDMARKS.index(name) for name in names]].mean(axis=1)

    eyes = (middle(f"{side} upper lid", f"{side} lower lid") for side in ("left", "right"))
    return np.stack([middle("mouth left", "mouth right"), *eyes], axis=1)


_landmarks = jax.jit(jax.vmap(landmarks, in_axes=(None, 0)))


def _overview(pictures: np.ndarray) -> np.ndarray:
    small = [cv2.resize(picture, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA) for picture in pictures]
    return np.stack(small).reshape(len(pictures), -1) / 255


def _cuts(pictures: np.ndarray, places: np.ndarray, part: str) -> np.ndarray:
    """The part (F, pixels), upright and of the same size in all pictures, whose `places` are (F, 3, 2)."""
    down = places[:, 0] - places[:, 1:].mean(axis=1)  # (F, 2) from the eyes to the mouth
    middle = places[:, list(_HALF_SIDE).index(part)] + _BELOW[part] * down
    half = _HALF_SIDE[part] * down
    corners = np.stack([middle - half, middle + half, middle + half[:, ::-1] * (1, -1)], axis=1)  # top, bottom, right
    corners = ((corners + 1) * SIZE / 2 - 0.5).astype(np.float32)
    edge = _CUT - 1
    targets = np.array([[edge / 2, 0], [edge / 2, edge], [edge, edge / 2]], np.float32)
    cuts = [
        cv2.warpAffine(picture, cv2.getAffineTransform(three, targets), (_CUT, _CUT), borderMode=cv2.BORDER_REPLICATE)
        for picture, three in zip(pictures, corners, strict=True)
    ]
    return np.stack(cuts).reshape(len(cuts), -1) / 255


def _kernel_ridge(inputs: np.ndarray, targets: np.ndarray) -> Regression:
    """(n, d) and (n, m) -> a function from (k, d) to (k, m): Gaussian kernel as wide as the inputs are apart."""
    mean = targets.mean(axis=0)
    width = np.median(_distances(inputs, inputs))
    weights = np.linalg.solve(
        np.exp(-_distances(inputs, inputs) / width) + _RIDGE * np.eye(len(inputs)), targets - mean
    )
    return lambda rows: mean + np.exp(-_distances(rows, inputs) / width) @ weights


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared, between rows: (k, n)."""
    return np.maximum(np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * a @ b.T, 0)
