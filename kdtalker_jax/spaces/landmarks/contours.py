"""The contour set: 162 of MediaPipe's 478 face landmarks as lines, named by their numbers there.

The same names serve real faces, whose points a face mesh gives, and drawn ones, whose points are known. Left and right
are those of the picture.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from kdtalker_jax.errors import InputError


@dataclass(frozen=True)
class Contour:
    """A line through landmarks, in order; a closed one goes on to where it began."""

    name: str
    indices: tuple[int, ...]
    closed: bool = False

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """The pairs of landmarks that it joins; of a single point the point with itself."""
        ends = self.indices[1:] + self.indices[:1] * self.closed
        return tuple(zip(self.indices, ends or self.indices, strict=False))


def _contour(name: str, indices: str, closed: bool = False) -> Contour:
    return Contour(name, tuple(map(int, indices.split())), closed)


CONTOURS = (
    _contour("outer lips", "61 146 91 181 84 17 314 405 321 375 291 409 270 269 267 0 37 39 40 185", True),
    _contour("inner lips", "78 95 88 178 87 14 317 402 318 324 308 415 310 311 312 13 82 81 80 191", True),
    _contour("left eye", "33 7 163 144 145 153 154 155 133 173 157 158 159 160 161 246", True),
    _contour("right eye", "263 249 390 373 374 380 381 382 362 398 384 385 386 387 388 466", True),
    _contour("left brow, lower edge", "46 53 52 65 55"),
    _contour("left brow, upper edge", "70 63 105 66 107"),
    _contour("right brow, lower edge", "276 283 282 295 285"),
    _contour("right brow, upper edge", "300 293 334 296 336"),
    _contour(
        "oval",
        "10 338 297 332 284 251 389 356 454 323 361 288 397 365 379 378 400 377 "
        "152 148 176 149 150 136 172 58 132 93 234 127 162 21 54 103 67 109",
        True,
    ),
    _contour("nose, ridge", "168 6 197 195 5 4 1 19 94 2"),
    _contour("nose, base", "98 97 2 326 327 294 278 344 440 275 4 45 220 115 48 64", True),
    _contour("left iris", "469 470 471 472", True),
    _contour("left iris, centre", "468"),
    _contour("right iris", "474 475 476 477", True),
    _contour("right iris, centre", "473"),
)
CONTOUR_SET = tuple(dict.fromkeys(index for contour in CONTOURS for index in contour.indices))  # in order of the lines
CONTOUR_POINTS = len(CONTOUR_SET)

OVAL = next(contour.indices for contour in CONTOURS if contour.name == "oval")
LIPS = CONTOURS[0].indices + CONTOURS[1].indices
LOWER_OVAL = OVAL[OVAL.index(288) : OVAL.index(58) + 1]  # from ear to ear by the chin
MOUTH = LIPS + LOWER_OVAL  # what speech moves

EYE_CORNERS = (33, 133, 362, 263)
OUTER_EYE_CORNERS = (33, 263)  # whose distance is the unit of canonical faces
INNER_LIPS = (13, 14)  # the middle of the upper and of the lower one
BRIDGE = (168, 6, 197, 195, 5)
UPPER_OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 234, 127, 162, 21, 54, 103, 67, 109)
STABLE = EYE_CORNERS + BRIDGE + UPPER_OVAL  # what neither speech nor blinking moves

MESH_POINTS = 478
COUNTS = (CONTOUR_POINTS, MESH_POINTS)  # of landmarks that a face may have


@cache
def tessellation() -> tuple[tuple[int, int], ...]:
    """The 1,322 edges of the triangles between 468 landmarks, without eyes and mouth."""
    text = files(__package__).joinpath("tessellation.txt").read_text(encoding="utf-8")
    lines = (line.partition(":") for line in text.splitlines() if not line.startswith("#"))
    return tuple((int(index), int(other)) for index, _, others in lines for other in others.split())


def rows_of(indices: Iterable[int], points: int = CONTOUR_POINTS) -> np.ndarray:
    """Where landmarks with these numbers are among so many points.

    Args:
        indices: MediaPipe's numbers.
        points: 162, the contour set in its own order, or 478, all in MediaPipe's.

    Raises:
        InputError: another number of points. KeyError: the contour set has no such landmark.
    """
    check_count(points)
    return np.array([index if points == MESH_POINTS else _row()[index] for index in indices])


@cache
def _row() -> dict[int, int]:
    return {index: row for row, index in enumerate(CONTOUR_SET)}


def check_count(points: int) -> None:
    """Raises InputError where faces have another number of landmarks than 162 and 478."""
    if points not in COUNTS:
        raise InputError(f"A face has {' or '.join(map(str, COUNTS))} landmarks, not {points}.")


def stable_weights(points: int = CONTOUR_POINTS) -> np.ndarray:
    """(N,) float64 weights of a pose's fit: equal on STABLE, 0 elsewhere, 1 in sum."""
    weights = np.zeros(points)
    weights[rows_of(STABLE, points)] = 1 / len(STABLE)
    return weights
