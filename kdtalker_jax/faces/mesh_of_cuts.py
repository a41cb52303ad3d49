"""The face mesh of pictures that are cut to the face already, as a pure function: part of larger programs.

`faces.mesh` finds faces anywhere, with OpenCV; here nobody looks beyond the cut, and no array leaves the device.
"""

import os
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.faces.mesh import MARGIN, MESH, SIZE, points_and_logit
from kdtalker_jax.faces.mesh_points import with_irises
from kdtalker_jax.tflite.graph import Graph, read_graph, unusable
from kdtalker_jax.tflite.running import run

_OUTER_EYE_CORNERS = (33, 263)


class _Square(NamedTuple):
    """A part of a picture, in pixels from its upper left corner, as `faces.mesh.Square`."""

    centre: jax.Array  # (2,)
    side: jax.Array  # ()
    turn: jax.Array  # (2, 2) for columns: from the face's directions, across and down, to the picture's


class CutMesh:
    """The network, read when it is first used.

    Args:
        mesh_file: see `UserFile.find`.
    """

    def __init__(self, mesh_file: str | os.PathLike[str] | None = None) -> None:
        self._mesh_file = mesh_file

    def __call__(self, cuts: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Landmarks of faces: as the network sees the whole cut, and once more, closer.

        Args:
            cuts: uint8 (B, S, S, 3).

        Returns:
            float32 (B, 478, 3), as `spaces.landmarks` has them: x and y from -1 to 1, y down, z in the same unit,
            positive towards the viewer; and the probability that each is a face, (B,).

        Raises:
            CheckpointError: there is no such network, or it is damaged.
        """
        graph, points, _ = self._network
        return jax.lax.map(partial(_found, graph, points), cuts)

    @cached_property
    def _network(self) -> tuple[Graph, int, int]:
        """The network, and which of its outputs are the points and the logit."""
        file = MESH.find(self._mesh_file)
        graph = read_graph(file)
        try:
            return graph, *points_and_logit(graph)
        except ValueError as error:
            raise unusable(file, error) from error


def _found(graph: Graph, output: int, cut: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Of one cut (S, S, 3): landmarks (478, 3), probability ()."""
    picture, size = cut.astype(jnp.float32) / 255, jnp.float32(cut.shape[0])
    whole = _Square(jnp.full(2, size / 2), size, jnp.eye(2, dtype=jnp.float32))
    first, _ = _looked(graph, output, picture, whole)
    points, logit = _looked(graph, output, picture, _about(first))
    scale = jnp.array([2, 2, -2], jnp.float32) / size
    return with_irises(points * scale[None] - jnp.array([[1, 1, 0]], jnp.float32)), jax.nn.sigmoid(logit)


def _looked(graph: Graph, output: int, picture: jax.Array, square: _Square) -> tuple[jax.Array, jax.Array]:
    """What the network says of a part of a picture: points (468, 3) in its pixels, and the logit of a face."""
    places = (jnp.arange(SIZE, dtype=jnp.float32) + 0.5 - SIZE / 2) * (square.side / SIZE)
    across, down = jnp.meshgrid(places, places)  # (192, 192) each
    seen = _bilinear(picture, jnp.stack([across, down], axis=-1) @ square.turn.T + square.centre[None, None])
    outputs: Any = run(graph, {k: jnp.asarray(v) for k, v in graph.constants.items()}, seen[None])
    points = outputs[output].reshape(-1, 3)
    x_y = (points[:, :2] - SIZE / 2) @ square.turn.T * (square.side / SIZE) + square.centre[None]
    return jnp.concatenate([x_y, points[:, 2:] * (square.side / SIZE)], axis=1), outputs[1 - output].reshape(())


def _about(points: jax.Array) -> _Square:
    """`faces.mesh.square_of_points`."""
    left, right = (points[corner, :2] for corner in _OUTER_EYE_CORNERS)
    angle = jnp.arctan2(right[1] - left[1], right[0] - left[0])
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    turn = jnp.stack([jnp.stack([cos, -sin]), jnp.stack([sin, cos])])
    turned = points[:, :2] @ turn
    low, high = turned.min(axis=0), turned.max(axis=0)
    return _Square(turn @ ((low + high) / 2), jnp.maximum(MARGIN * (high - low).max(), 1), turn)


def _bilinear(picture: jax.Array, places: jax.Array) -> jax.Array:
    """A picture (H, W, C) at places (h, w, 2), in pixels from its corner; beyond it its edge runs on. (h, w, C)."""
    most = np.array(picture.shape[1::-1], np.float32) - 1
    places = jnp.clip(places - 0.5, 0, most[None, None])
    low = jnp.clip(jnp.floor(places), 0, np.maximum(most - 1, 0)[None, None])
    share, (x, y) = places - low, jnp.moveaxis(low.astype(jnp.int32), -1, 0)
    across, down = share[..., :1], share[..., 1:]  # (h, w, 1) each
    upper = picture[y, x] * (1 - across) + picture[y, x + 1] * across
    lower = picture[y + 1, x] * (1 - across) + picture[y + 1, x + 1] * across
    return upper * (1 - down) + lower * down
