"""Says which emotion somebody of the varied world shows, having seen true drawings of the same person in all of them.

As `probe`, it is solved at once, has no part in the model that is judged, and knows the truth of what it learnt from.
What it sees are directions of edges, by places, of brows and eyes and of nose and mouth, cut out upright where the
person's `FaceProbe` finds them. It learns from drawings in and out of focus.
"""

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.demo.probe import SIZE, FaceProbe, Regression, kernel_ridge, moderate_states, places_of, shrunk, upright
from benchmarks.demo.unseen import SEED, as_portrait, take
from kdtalker_jax.emotions import EMOTIONS
from kdtalker_jax.synthetic.drawing import draw_frames
from kdtalker_jax.synthetic.feelings import Felt, random_feelings
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.performance import random_performance
from kdtalker_jax.synthetic.state import FaceState

# Top, bottom and half the width of what is seen, from between the eyes, in distances from there to the mouth; pixels.
_PARTS = ((-0.6, 0.5, 1.0, (32, 48)), (0.3, 1.5, 0.8, (40, 40)))
_DIRECTIONS, _CELL = 8, 6  # of edges; pixels between the places where they are looked at
_CALM_BROWS = 0.3  # of brows that speech moves, as part of all that they do
_PLACING_ERRORS, _COPIES = 0.008, 4  # picture units by which faces are found beside their places; of each drawing
_SOFT = 2.0  # pixels, by which copies are blurred at most: what a small generator makes is soft, and no less angry
_WIDE = 4.0  # of the kernel
_FOLDS = 4
_PERFORMANCES, _FRAMES = 12, 100  # that half of the drawings are frames of


class Lesson(NamedTuple):
    """What is learnt from, of one person."""

    felt: Felt  # (n,), all of them known
    pictures: np.ndarray  # (n, SIZE, SIZE, 3) uint8


class Judgement(NamedTuple):
    """(F, 8) each, of `EMOTIONS`."""

    shares: np.ndarray  # how much of it is shown: a weak emotion is a blend of neutral and it
    scores: np.ndarray  # how likely it is this one, as a logarithm but for a constant

    @property
    def of_frames(self) -> np.ndarray:
        """Which emotion, (F,)."""
        return self.scores.argmax(axis=1)

    @property
    def of_video(self) -> int:
        """Which emotion it is by all frames together."""
        return int(self.scores.mean(axis=0).argmax())


def make_lesson(person: Person, states: int, seed: int = 1) -> Lesson:
    """`states` drawings, of other states than any that is measured: half as of speakers, half of any face."""
    rng = np.random.default_rng([seed, 78])
    felt = random_feelings(rng, as_portrait(_some_states(rng, 3 * states)))  # of which half have no name
    chosen = np.flatnonzero(felt.emotion >= 0)[:states]
    felt = Felt(take(felt.states, chosen), felt.emotion[chosen], felt.intensity[chosen])
    return Lesson(felt, draw_frames(person, felt.states, SIZE))


def _some_states(rng: np.random.Generator, count: int) -> FaceState:
    acted = moderate_states(rng, count)
    acted = acted._replace(brows=np.float32(_CALM_BROWS) * acted.brows)
    seeds = ([SEED, 1, number] for number in range(_PERFORMANCES))
    spoken = [random_performance(np.random.default_rng(seed), _FRAMES).states for seed in seeds]
    spoken = [np.concatenate(fields) for fields in zip(*spoken, strict=True)]
    frames, from_speech = rng.integers(0, len(spoken[0]), count), rng.uniform(size=count) < 0.5
    pairs = zip(spoken, acted, strict=True)
    return FaceState(*(np.where(from_speech, of_speech[frames], any_state) for of_speech, any_state in pairs))


class EmotionJudge:
    """Of one person. Kernel ridge regression finds the shares; what they are where it has not seen the picture, by
    emotion, tells how likely each is (linear discriminants)."""

    def __init__(self, person: Person, lesson: Lesson, probe: FaceProbe, seed: int = 0) -> None:
        rng = np.random.default_rng([seed, 79])
        self._probe, places = probe, places_of(person, lesson.felt.states)
        errors = rng.normal(0, _PLACING_ERRORS, (_COPIES, *places.shape))
        pictures = [lesson.pictures, *(_softened(rng, lesson.pictures) for _ in range(_COPIES - 1))]
        copies = [_edges(*both) for both in zip(pictures, places + errors, strict=True)]
        wanted, fold = shares_of(lesson.felt), rng.permutation(len(places)) % _FOLDS

        def learnt(chosen: np.ndarray) -> Regression:
            known = np.concatenate([copy[chosen] for copy in copies])
            return kernel_ridge(known, np.concatenate([wanted[chosen]] * _COPIES), _WIDE)

        unseen = np.empty_like(wanted)
        for number in range(_FOLDS):
            unseen[fold == number] = learnt(fold != number)(copies[0][fold == number])
        self._shares = learnt(np.ones(len(places), bool))
        clear = wanted.max(axis=1) > 0.5
        self._means, self._inverse = _discriminants(unseen[clear], wanted[clear].argmax(axis=1))

    def __call__(self, frames: Iterable[np.ndarray]) -> Judgement:
        """Of uint8 RGB pictures of that person, of any one size, (F, H, H, 3)."""
        pictures = shrunk(frames)
        shares = self._shares(_edges(pictures, self._probe.locate(pictures)))
        projected = self._means @ self._inverse  # (8, 8)
        return Judgement(shares, shares @ projected.T - 0.5 * np.sum(projected * self._means, axis=1))


def shares_of(felt: Felt) -> np.ndarray:
    """What a perfect judge says: (F, 8)."""
    shares = np.eye(len(EMOTIONS))[felt.emotion] * felt.intensity[:, None]
    shares[:, 0] = 1 - shares[:, 1:].sum(axis=1)
    return shares


def _discriminants(shares: np.ndarray, emotion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of (n, 8) by emotion (n,), (8, 8), and the inverse of their common covariance."""
    means = np.stack([shares[emotion == number].mean(axis=0) for number in range(len(EMOTIONS))])
    covariance = np.cov((shares - means[emotion]).T) + 1e-4 * np.eye(len(EMOTIONS))
    return means, np.linalg.inv(covariance)


def _softened(rng: np.random.Generator, pictures: np.ndarray) -> np.ndarray:
    """Each as far out of focus as it happens to be."""
    sigmas = rng.uniform(0.2, _SOFT, len(pictures))
    return np.stack([cv2.GaussianBlur(one, (0, 0), sigma) for one, sigma in zip(pictures, sigmas, strict=True)])


def _edges(pictures: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Strengths of edges by part, place and direction (Dalal & Triggs 2005), square roots: (F, n)."""
    parts = []
    for top, bottom, side, size in _PARTS:
        grey = upright(pictures, places, top, bottom, side, size).mean(axis=-1) / 255  # (F, rows, columns)
        across, down = np.zeros_like(grey), np.zeros_like(grey)
        across[:, :, 1:-1], down[:, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2], grey[:, 2:] - grey[:, :-2]
        turn = np.arctan2(down, across) / (2 * np.pi) * _DIRECTIONS % _DIRECTIONS
        strength, lower = np.hypot(across, down), np.floor(turn)
        by_direction = np.zeros((*grey.shape, _DIRECTIONS), np.float32)
        for number, share in ((lower, 1 - (turn - lower)), (lower + 1, turn - lower)):
            index = (number.astype(int) % _DIRECTIONS)[..., None]
            np.put_along_axis(by_direction, index, (strength * share)[..., None], axis=-1)
        smooth = np.stack([cv2.GaussianBlur(one, (0, 0), _CELL / 2) for one in by_direction])
        parts.append(smooth[:, _CELL // 2 :: _CELL, _CELL // 2 :: _CELL].reshape(len(pictures), -1))
    return np.sqrt(np.concatenate(parts, axis=1))
