"""Sliders of a model whose keypoints are not the published ones: directions of its own, in a file in its directory.

A slider has the published range; what it adds to the expression for 1 is the model's, in the head's own frame.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kdtalker_jax.edits.regions import KEYPOINTS
from kdtalker_jax.edits.sliders import PUBLISHED, SLIDERS, Slider, SliderTable, Term
from kdtalker_jax.errors import CheckpointError

LARGEST = 10.0  # that a slider moves a keypoint over its range; a head's keypoints lie within 1 of its middle
_EVERY_MODEL = {
    **{name: SLIDERS[name] for name in ("pitch", "yaw", "roll", "size")},
    "move_x": SLIDERS["move_x"]._replace(terms=(), moves=(1.0, 0.0)),
    "move_y": SLIDERS["move_y"]._replace(terms=(), moves=(0.0, 1.0)),
}

Directions = Mapping[str, np.ndarray]  # by slider: (2, K, 3), what 1 adds above 0 and below


def with_directions(directions: Directions) -> SliderTable:
    """The sliders of a model with these directions; head and place can be moved in every model."""
    keypoints = next((both.shape[1] for both in directions.values()), KEYPOINTS)
    own = {name: _slider(name, *both) for name, both in directions.items()}
    order = [name for name in SLIDERS if name in own or name in _EVERY_MODEL]
    return SliderTable({name: own.get(name) or _EVERY_MODEL[name] for name in order}, keypoints, turning=True)


def own_sliders(path: Path | None) -> SliderTable:
    """Of the model that has this file, or none. Raises CheckpointError as `read_directions`."""
    return PUBLISHED if path is None else with_directions(read_directions(path))


def _slider(name: str, above: np.ndarray, below: np.ndarray) -> Slider:
    return SLIDERS[name]._replace(terms=_terms(above), below=_terms(below))


def _terms(displacement: np.ndarray) -> tuple[Term, ...]:
    """Of (K, 3)."""
    return tuple((int(k), int(axis), float(displacement[k, axis])) for k, axis in np.argwhere(displacement))


def write_directions(path: Path, directions: Directions) -> None:
    np.savez(path, **{name: np.asarray(both, np.float32) for name, both in directions.items()})


def read_directions(path: Path) -> dict[str, np.ndarray]:
    """Reads a file of `write_directions`. Nothing in it is run.

    Raises:
        CheckpointError: it holds something else.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            if sum(entry.file_size for entry in file.zip.infolist()) > 1 << 24:
                raise ValueError("unpacks to too much")
            directions = {name: np.asarray(file[name]) for name in file.files}
    except Exception as error:  # whatever numpy, zipfile and zlib raise on bytes that they did not write
        raise _damaged(path) from error
    shapes = {both.shape for both in directions.values()}
    if not directions.keys() <= SLIDERS.keys() or len(shapes) > 1:
        raise _damaged(path)
    if any(len(shape) != 3 or shape[0] != 2 or shape[1] == 0 or shape[2] != 3 for shape in shapes):
        raise _damaged(path)
    for name, both in directions.items():
        reach = max(abs(SLIDERS[name].low), abs(SLIDERS[name].high))
        if both.dtype.kind != "f" or not (np.abs(both) * reach <= LARGEST).all():  # nor what is not finite
            raise _damaged(path)
    return directions


def _damaged(path: Path) -> CheckpointError:
    return CheckpointError(f"{path} is damaged: copy the model again")
