"""Landmarks to image as a `renderers.protocol.Renderer`: a portrait whose mouth is painted, frame by frame."""

from collections.abc import Callable, Collection, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from kdtalker_jax.errors import DamagedModelError, InputError, NoFaceError
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.parts import Part
from kdtalker_jax.renderers.latent.config import GRID, PaintingConfig
from kdtalker_jax.renderers.latent.masks import feathered, mouth_boxes
from kdtalker_jax.renderers.latent.model import LatentDiffusion
from kdtalker_jax.renderers.latent.painting import (
    Canvas,
    Networks,
    Painted,
    Params,
    Reference,
    canvas_of,
    paint,
    paint_in_turn,
    reference_of,
)
from kdtalker_jax.renderers.latent.parts import AUTOENCODER, PARTS
from kdtalker_jax.spaces.landmarks.contours import CONTOUR_SET, MESH_POINTS
from kdtalker_jax.spaces.landmarks.motion import LandmarkMotion
from kdtalker_jax.spaces.landmarks.shapes import held_over
from kdtalker_jax.spaces.landmarks.space import Face, Landmarks
from kdtalker_jax.spaces.landmarks.statistics import LandmarkStatistics

LEAST_PROBABILITY = 0.5  # that a picture shows a face


class PortraitArrays(NamedTuple):
    """All that rendering needs of a portrait; computed once."""

    canvas: Canvas  # B = 1
    reference: Reference


class LandmarkPainter:
    """Latent diffusion, told by landmarks, at the sizes of a model. `jit` exists so that tests can count traces.

    Args:
        config: sizes.
        dtype: of the arithmetic of what runs for every frame. The portrait is described in float32.
    """

    parts = rendered = PARTS
    observing = ()
    settings: Mapping[str, type] = {"painting": PaintingConfig, "statistics": LandmarkStatistics}
    choices: Mapping[str, tuple[str, ...]] = {"painting": ("steps", "reference", "feather", "seed")}

    def __init__(self, config: ModelConfig, dtype: DTypeLike = jnp.float32, jit: Callable = jax.jit) -> None:
        self._config, self._settings = config, config.painting
        self.takes = Landmarks(config.statistics.points)
        self.picture_size = self.output_size = self._settings.image_size
        self.stateful = self._settings.reference == "previous"
        exact, painters = _build(config), _build(config, dtype)
        self._describe = jit(partial(_described, exact))
        self._canvas = jit(partial(canvas_of, painters))
        self._paint = jit(partial(paint_in_turn if self.stateful else paint, painters, self._settings))
        self._shares = jit(partial(_shares, self._settings))
        self._observe_by = cache(lambda mesh_file: jit(self._observing(mesh_file)))

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        LatentDiffusion.check(config)
        factor, size = config.autoencoder.factor, config.painting.image_size
        if GRID % factor:
            raise ValueError(f"the latents of autoencoder are {factor} times smaller, which masks of {GRID} are not")
        if size % (factor * config.unet.factor):
            raise ValueError(f"painting.image_size is {size}, no multiple of {factor * config.unet.factor}")

    @classmethod
    def disagreement(cls, config: ModelConfig, names: Collection[str]) -> str | None:
        return LatentDiffusion.disagreement(config, names)

    def prepare(self, params: Params) -> Params:
        return params

    def describe(self, params: Params, picture: jax.Array) -> tuple[PortraitArrays, Face]:
        """Raises NoFaceError where no face is seen, CheckpointError where there is no network that sees landmarks."""
        observed = self.observe(params, jnp.asarray(picture))
        if not float(observed["face"][0]) >= LEAST_PROBABILITY:
            raise NoFaceError("No face is seen in the picture: take one that shows a face from the front.")
        return self.describe_as(params, picture, np.asarray(observed["points"]))

    def describe_as(self, params: Params, picture: jax.Array, points: np.ndarray) -> tuple[PortraitArrays, Face]:
        """`describe` of a picture whose landmarks (1, N, 3) are known."""
        points = np.asarray(points, np.float32)
        face = self._config.statistics.face(points, still=True)
        boxes = mouth_boxes(face.identity, face.pose, self.picture_size)
        arrays = self._describe(_own(params, AUTOENCODER), jnp.asarray(picture), points, boxes)
        if not all(np.isfinite(part).all() for part in jax.tree.leaves((arrays.canvas.whole, arrays.reference))):
            raise DamagedModelError("a description of the picture that is not finite")
        return arrays, face

    def begin(self, portrait: PortraitArrays) -> Any:
        return portrait.reference if self.stateful else ()

    def frames(
        self, params: Params, portrait: PortraitArrays, state: Any, driving: jax.Array
    ) -> tuple[Any, jax.Array, jax.Array]:
        seen = np.ones(len(driving), bool)
        state, painted = self._painted(params, portrait.reference, state, portrait.canvas, driving, seen)
        return state, painted.frames, painted.finite

    def repaint(
        self,
        params: Params,
        portrait: PortraitArrays,
        state: Any,
        pictures: np.ndarray,
        regions: np.ndarray,
        driving: np.ndarray,
        seen: np.ndarray,
    ) -> tuple[Any, jax.Array, jax.Array]:
        """Each picture needs latents of its own, so this takes three calls of the encoder more than `frames`."""
        canvas = self._canvas(_own(params, AUTOENCODER), pictures, regions)
        state, painted = self._painted(_own(params, *PARTS), portrait.reference, state, canvas, driving, seen)
        return state, painted.faces, painted.finite

    def shares(self, regions: np.ndarray, seams: np.ndarray) -> jax.Array:
        return self._shares(regions, seams)

    def recognise(self, observed: Mapping[str, np.ndarray]) -> tuple[Face, np.ndarray]:
        seen = np.asarray(observed["face"]) >= LEAST_PROBABILITY
        if not seen.any():
            raise NoFaceError("No face is seen in any frame: take a video that shows a face from the front.")
        points = held_over(np.asarray(observed["points"]), seen)
        return self._config.statistics.face(points, seen=seen), seen

    def regions(self, own: Face) -> np.ndarray:
        return mouth_boxes(own.identity, own.pose, self.picture_size)

    def speaking(self, own: Face, motion: LandmarkMotion) -> np.ndarray:
        return self.takes.driving(self.takes.with_mouth(own, motion))

    def _painted(
        self, params: Params, reference: Reference, state: Any, canvas: Canvas, driving: jax.Array, seen: np.ndarray
    ) -> tuple[Any, Painted]:
        if self.stateful:
            return self._paint(params, state, canvas, driving, seen)
        return (), self._paint(params, reference, canvas, driving)

    def observe(self, params: Params, frames: jax.Array) -> dict[str, jax.Array]:
        """Landmarks `points` (B, N, 3), and the probability `face` (B,) that there is one."""
        from kdtalker_jax.faces.mesh import MESH  # wants OpenCV, which frames do not

        return self._observe_by(MESH.find())(frames)  # another file is another network

    def _observing(self, mesh_file: Path) -> Callable[[jax.Array], dict[str, jax.Array]]:
        from kdtalker_jax.faces.mesh_of_cuts import CutMesh

        mesh = CutMesh(mesh_file)

        def observed(frames: jax.Array) -> dict[str, jax.Array]:
            points, probability = mesh(frames)
            kept = points if self.takes.points == MESH_POINTS else points[:, np.array(CONTOUR_SET)]
            return {"points": kept, "face": probability}

        return observed

    def stitch(self, params: Params, portrait: PortraitArrays, driving: Any) -> Any:
        raise InputError("This model has nothing to stitch: all but the mouth stays as it is in the picture.")

    def retargeting(self, params: Params) -> Any:
        raise InputError("This model has no networks that retarget eyes and lips.")


def _build(config: ModelConfig, dtype: DTypeLike = jnp.float32) -> Networks:
    return {part.name: part.build(config, dtype=dtype) for part in PARTS}


def _own(params: Params, *parts: Part) -> Params:
    """Of some parts alone: so that a program does not depend on which others a model has."""
    return {part.name: params[part.name] for part in parts}


def _shares(settings: PaintingConfig, boxes: jax.Array, seams: jax.Array) -> jax.Array:
    """uint8 (B, S, S): what is taken of what is painted in boxes (B, 4)."""
    return jnp.rint(255 * feathered(boxes, settings.image_size, settings.feather, seams)[..., 0]).astype(jnp.uint8)


def _described(
    networks: Networks, params: Params, picture: jax.Array, points: jax.Array, boxes: jax.Array
) -> PortraitArrays:
    return PortraitArrays(canvas_of(networks, params, picture, boxes), reference_of(networks, params, picture, points))
