"""People whose mouths DreamHead paints: drawn speakers with the landmarks that they are drawn by."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import jax
import numpy as np

from benchmarks.demo.probe import FaceProbe, true_reading
from benchmarks.demo.unseen import SEED, take, unseen_people, unseen_performances
from kdtalker_jax.batching import fill_up, in_batches
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.renderers.latent.masks import NO_SEAMS, inside
from kdtalker_jax.renderers.latent.painting import in_levels, in_range
from kdtalker_jax.renderers.latent.parts import AUTOENCODER
from kdtalker_jax.source import Source
from kdtalker_jax.spaces.landmarks.known import in_pixels
from kdtalker_jax.spaces.landmarks.motion import LandmarkMotion
from kdtalker_jax.spaces.landmarks.space import Face
from kdtalker_jax.synthetic.drawing import draw_frames
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.performance import Performance, framed
from kdtalker_jax.synthetic.state import FaceState
from kdtalker_jax.synthetic.traced import trace

BATCH = 8


@dataclass(frozen=True, eq=False)
class Sitter:
    """Someone who speaks, as drawn.

    Attributes:
        states: (T,). pictures: uint8 (T, S, S, 3), as large as the model's. points: (T, N, 3) landmarks.
        source: the first frame. face: all frames in terms of the space. boxes: (T, 4) about the mouths, in pixels.
    """

    person: Person
    performance: Performance
    states: FaceState
    pictures: np.ndarray
    points: np.ndarray
    source: Source
    face: Face
    boxes: np.ndarray
    probe: FaceProbe

    def at(self, model: TalkingPortrait, frame: int) -> "Sitter":
        """The same with another frame as the source."""
        return replace(self, source=_source(model, self.pictures[frame], self.points[frame]))

    def points_at(self, frame: int, lips: int) -> np.ndarray:
        """(1, N, 3): where the landmarks would be in a frame, if the mouth were as in another one."""
        changed = jax.tree.map(np.array, take(self.states, np.array([frame])))
        other = take(self.states, np.array([lips]))
        moved = {name: getattr(other, name) for name in ("jaw", "lip_width", "lip_rounding")}
        return trace(self.person, changed._replace(**moved))

    @property
    def outside(self) -> np.ndarray:
        """bool (S, S): what is in no frame's mask."""
        return ~np.asarray(inside(self.boxes, self.pictures.shape[1])[..., 0] > 0).any(axis=0)

    @property
    def opening(self) -> np.ndarray:
        """(T,) gap between the lips, as it is drawn."""
        return true_reading(self.person, self.states).opening

    def read(self, frames: np.ndarray) -> np.ndarray:
        """(T,) the same, as it is seen in pictures."""
        return self.probe(frames).opening


class Painter:
    """A model of DreamHead, as the measurements use it."""

    def __init__(self, model: TalkingPortrait) -> None:
        self.model, self._renderer = model, model.renderer
        autoencoder = AUTOENCODER.build(model.config)
        apply = partial(autoencoder.apply, model.params[AUTOENCODER.name])

        def through(pictures: jax.Array) -> jax.Array:
            quantised, _ = apply(apply(in_range(pictures), method="encode"), method="quantise")
            return in_levels(apply(quantised, method="decode"))

        self._through, self._repaint = jax.jit(through), jax.jit(self._renderer.repaint)
        self.factor = model.config.autoencoder.factor

    def sitters(self, count: int, frames: int, look: str, probe_states: int) -> list[Sitter]:
        """The first people and performances that no demo model has been trained on."""
        both = zip(unseen_people(count, look), unseen_performances(count, frames), strict=True)
        return [
            self._sit(number, person, performance, look, probe_states)
            for number, (person, performance) in enumerate(both)
        ]

    def _sit(self, number: int, person: Person, performance: Performance, look: str, probe_states: int) -> Sitter:
        def camera(states: FaceState) -> FaceState:
            return framed(np.random.default_rng([SEED, number, 3]), states) if look == "varied" else states

        states = camera(performance.states)
        pictures = draw_frames(person, states, self._renderer.picture_size)
        points = trace(person, states)
        face = self.model.config.statistics.face(points)
        boxes, source = self._renderer.regions(face), _source(self.model, pictures[0], points[0])
        probe = FaceProbe(person, probe_states, camera=camera)
        return Sitter(person, performance, states, pictures, points, source, face, boxes, probe)

    def through(self, pictures: np.ndarray) -> np.ndarray:
        """uint8 pictures (F, S, S, 3), to latents and back."""
        return in_batches(self._through, BATCH, pictures)

    def speak(self, sitter: Sitter, waveform: np.ndarray, seed: int) -> LandmarkMotion:
        """As `pipelines.sample` does."""
        return self.model.animate(sitter.source, waveform, seed=seed)

    def shapes(self, sitter: Sitter, waveform: np.ndarray, seed: int) -> np.ndarray:
        """(T, N, 3) in the canonical pose."""
        return sitter.face.identity + self.speak(sitter, waveform, seed).offsets

    def paint(self, sitter: Sitter, points: np.ndarray, frames: Sequence[int] | None = None) -> np.ndarray:
        """The sitter's frames, all or some, with mouths as landmarks say: uint8 (F, S, S, 3)."""
        chosen = np.arange(len(sitter.pictures)) if frames is None else np.asarray(frames)
        state, out = self._renderer.begin(sitter.source.arrays), []
        for start in range(0, len(chosen), BATCH):
            part = chosen[start : start + BATCH]
            given = (sitter.pictures[part], sitter.boxes[part], points[start : start + BATCH])
            pictures, boxes, lines = (fill_up(rows, BATCH) for rows in given)
            params, arrays = self.model.params, sitter.source.arrays
            state, faces, _ = self._repaint(params, arrays, state, pictures, boxes, lines, np.ones(BATCH, bool))
            share = self._renderer.shares(boxes, NO_SEAMS)
            part_of = np.asarray(share, np.float32)[..., None] / 255
            mixed = pictures + part_of * (np.asarray(faces, np.float32) - pictures)
            out.append(np.rint(mixed).astype(np.uint8)[: len(part)])
        return np.concatenate(out)


def _source(model: TalkingPortrait, picture: np.ndarray, points: np.ndarray) -> Source:
    return model.prepare(picture, "none", landmarks=in_pixels(points, len(picture)))
