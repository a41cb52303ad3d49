"""Sliders of a model that knows the drawn world, from its truth: what its keypoints do when one thing of a face moves.

People are drawn twice, the second time with another mouth, other lids, brows or gaze and all else as it was; the
model's own networks describe both pictures. How far keypoints go from one to the other, on average over people and in
the head's own frame, is the direction that the slider moves them in. A keypoint that was guided to a landmark, and is
seen to move less than the landmark truly does, takes the landmark's way. What the networks do not see at all they were
never shown to paint: there is no such slider.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from kdtalker_jax.checkpoints import Checkpoint, checkpoint_writer, load_checkpoint
from kdtalker_jax.data.landmarks import LANDMARKS
from kdtalker_jax.edits.directions import Directions
from kdtalker_jax.loaded_model import family
from kdtalker_jax.nn.folding import fold
from kdtalker_jax.observing import observed
from kdtalker_jax.seeds import random_key
from kdtalker_jax.spaces.heads import Heads, heads_of, placed
from kdtalker_jax.spaces.keypoints import Coefficients, Motion
from kdtalker_jax.synthetic.anatomy import PICTURE_UNITS
from kdtalker_jax.synthetic.clips import one_person
from kdtalker_jax.synthetic.drawing import draw_frames
from kdtalker_jax.synthetic.landmarks import head_points
from kdtalker_jax.synthetic.state import FaceState, neutral_state

CERTAIN = 3.0  # standard errors that a coordinate moves at least, or it is left alone
SEEN = 0.01  # that some keypoint is seen to move at least, of a head's half height

# What a slider at 1 changes in a drawn head, by fields of its state. Sliders that move what no drawn head can, such as
# one corner of the mouth, are not among them.
DRAWN = {
    "smile": {"lip_width": 1.0},
    "wink": {"lid_left": 1 / 39},
    "eyebrow": {"brows": 1 / 30},
    "gaze_x": {"gaze_x": 1 / 30},
    "gaze_y": {"gaze_y": -1 / 63},
    "purse": {"lip_rounding": 1 / 15},
    "grin": {"lip_width": 1 / 15},
    "mouth": {"jaw": 1 / 120},
    "ah": {"jaw": 1 / 120},
    "eh": {"lip_width": 1 / 15},
    "oo": {"lip_rounding": 1 / 15},
    "blink": {"lid_left": -1 / 20, "lid_right": -1 / 20},
    "pupil_x": {"gaze_x": 1 / 15},
    "pupil_y": {"gaze_y": -1 / 15},
}
_BOTH_WAYS = ("lip_width", "brows", "gaze_x", "gaze_y")  # from -1 to 1; the others from 0 to 1
_LEVELS = (0.5, 1.0)

Fields = tuple[str, ...]  # that move together
Change = tuple[Fields, float]  # to this value


def add_sliders(
    directory: str | Path,
    seed: int,
    people: int,
    guided: Sequence[str] = (),
    bar: Callable[[Iterable[Any]], Iterable[Any]] = iter,
    look: str = "plain",
) -> None:
    """Finds the sliders of a model and writes them into its directory.

    Args:
        directory: of a model whose renderer describes pictures.
        seed: of the people. people: how many; some dozens. look: of them, one of `synthetic.clips.LOOKS`.
        guided: by keypoint, the landmark that it was guided to, or "": `configs.renderer.RendererConfig.guided`.
        bar: wraps what is gone through.

    Raises:
        CheckpointError: it cannot be read, or lacks what describes pictures. OutputError: it cannot be written.
    """
    checkpoint = load_checkpoint(directory)
    directions = find_directions(checkpoint, seed, people, guided, bar, look)
    with checkpoint_writer(directory, checkpoint.config, ()) as writer:
        writer.add_sliders(directions, _describing(checkpoint))


def find_directions(
    checkpoint: Checkpoint,
    seed: int,
    people: int,
    guided: Sequence[str] = (),
    bar: Callable[[Iterable[Any]], Iterable[Any]] = iter,
    look: str = "plain",
) -> Directions:
    """What 1 of each slider in `DRAWN` that is seen adds above 0 and below, by name (2, K, 3)."""
    observe, size = _observer(checkpoint)
    rng, changes = np.random.default_rng(seed), _changes()
    seen, true = [], []
    for i in bar(range(people)):
        person = one_person(jax.random.fold_in(random_key(seed), i), look)
        states = _states(rng, [((), 0.0), *changes])
        heads, canonical = _described(observe(draw_frames(person, states, size)))
        seen.append(_displacements(heads, canonical))
        points = np.asarray(_landmarks(person, states), np.float64)  # (1 + changes, L, 3)
        true.append((points[1:] - points[0]) * PICTURE_UNITS * states.size[0] / heads.scale[0])
    each_way = _ways(changes, np.stack(seen), np.stack(true), guided)
    directions = {name: _direction(each_way, fields) for name, fields in DRAWN.items()}
    return {name: both for name, both in directions.items() if both is not None}


def _describing(checkpoint: Checkpoint) -> list[str]:
    renderer, *_ = checkpoint.system.families
    return [part.name for part in renderer.observing]


def _observer(checkpoint: Checkpoint) -> tuple[Callable[[np.ndarray], dict[str, Any]], int]:
    """What describes pictures uint8 (n, S, S, 3), and S."""
    names = _describing(checkpoint)
    checkpoint.require(*names)
    renderer = family(checkpoint.system.families[0], checkpoint.config, "float32")
    params = {name: fold(checkpoint.variables(name)) for name in names}
    return partial(observed, renderer, params), renderer.picture_size


def _changes() -> list[Change]:
    """All that is measured."""
    moving = dict.fromkeys(tuple(fields) for fields in DRAWN.values())
    return [
        (fields, sign * level)
        for fields in moving
        for sign in ((1, -1) if fields[0] in _BOTH_WAYS else (1,))
        for level in _LEVELS
    ]


def _states(rng: np.random.Generator, changes: list[Change]) -> FaceState:
    """One head of a random pose with each of the changes: (changes,) each."""
    spread = {"yaw": 8.0, "pitch": 6.0, "roll": 5.0, "x": 0.03, "y": 0.03}
    same = {name: rng.normal(0, std) for name, std in spread.items()}
    same["size"] = rng.uniform(0.95, 1.05)
    state = FaceState(*(field.copy() for field in neutral_state(len(changes))))
    state = state._replace(**{name: np.full(len(changes), value, np.float32) for name, value in same.items()})
    for i, (fields, value) in enumerate(changes):
        for name in fields:
            getattr(state, name)[i] = value
    return state


_landmarks = jax.jit(jax.vmap(head_points, in_axes=(None, 0)))


def _described(described: dict[str, np.ndarray]) -> tuple[Heads, np.ndarray]:
    """Of all pictures, and the canonical keypoints (K, 3) of the first."""
    heads = heads_of(Motion(**{name: described[name] for name in Coefficients._fields}))
    return heads, described["kp"][0].reshape(-1, 3).astype(np.float64)


def _displacements(heads: Heads, canonical: np.ndarray) -> np.ndarray:
    """Of all but the first, against the first: (n - 1, K, 3) in the first head's frame and size."""
    keypoints = placed(canonical, heads)  # as if the first drove itself to the others
    return (keypoints[1:] - keypoints[0]) / heads.scale[0] @ heads.rotation[0].T


def _ways(
    changes: list[Change], seen: np.ndarray, true: np.ndarray, guided: Sequence[str]
) -> dict[tuple[Fields, int], np.ndarray | None]:
    """How far keypoints go for 1 of what moves together, up (1) and down (-1): (K, 3), None where that is not seen.

    Args:
        changes: that were made.
        seen: (people, changes, K, 3) by the networks. true: (people, changes, L, 3) of landmarks.
        guided: the landmark of each keypoint, or "".
    """
    ways = {}
    for fields, value in changes:
        sign = 1 if value > 0 else -1
        those = [i for i, (names, other) in enumerate(changes) if names == fields and other * sign > 0]
        levels = np.array([changes[i][1] for i in those])
        slope = np.einsum("l,pl...->p...", levels, seen[:, those]) / (levels**2).sum()  # (people, K, 3)
        mean, error = slope.mean(axis=0), slope.std(axis=0) / np.sqrt(max(len(slope) - 1, 1))
        way = np.where(np.abs(mean) > CERTAIN * error, mean, 0.0)
        if np.abs(way).max() < SEEN:
            ways[fields, sign] = None
            continue
        truth = np.einsum("l,pl...->...", levels, true[:, those]) / (levels**2).sum() / len(true)  # (L, 3)
        for keypoint, name in enumerate(guided):
            if name:
                there = truth[LANDMARKS.index(name)]
                way[keypoint] = np.where(np.abs(there) > np.abs(way[keypoint]), there, way[keypoint])
        ways[fields, sign] = way
    return ways


def _direction(ways: dict[tuple[Fields, int], np.ndarray | None], fields: dict[str, float]) -> np.ndarray | None:
    """Of a slider: (2, K, 3), None where it is not seen."""
    names, factor = tuple(fields), next(iter(fields.values()))
    up = ways[names, 1]
    down = ways.get((names, -1), up)
    if up is None or down is None:
        return None
    return factor * np.stack([up, down] if factor > 0 else [down, up])
